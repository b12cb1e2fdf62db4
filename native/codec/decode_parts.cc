#include "codec/decode_parts.h"

#include <algorithm>
#include <string>

namespace magneto::codec {

namespace limits = core::limits;
using core::Text;

Text text(const flatbuffers::String* value, const char* what, size_t most) {
  if (!value) return {};
  if (value->size() > most)
    throw Malformed(std::string(what) + " has " + std::to_string(value->size()) +
                    " bytes; at most " + std::to_string(most) + " are accepted");
  return {value->c_str(), value->size()};
}

Text id(const flatbuffers::String* value, const char* what) {
  const Text result = text(value, what, limits::max_id_bytes);
  if (result.empty()) throw Malformed(std::string(what) + " is empty");
  for (const char c : result)
    if (static_cast<unsigned char>(c) <= ' ' || c == '/' || c == '\\' || c == 0x7f)
      throw Malformed(std::string(what) + " contains white space, a slash or a control character");
  return result;
}

Text asked_id(const flatbuffers::String* value, const char* what) {
  return text(value, what, limits::max_id_bytes);
}

core::ResourceAmounts amounts(const Offsets<control::ResourceAmount>* from) {
  core::ResourceAmounts result;
  const size_t size = count(from, "resources of a profile", limits::max_resources);
  for (uint32_t at = 0; at < size; ++at) {
    const auto* each = from->Get(at);
    if (each->amount() == 0) continue;
    result.emplace_back(id(each->name(), "the name of a resource"), each->amount());
  }
  std::sort(result.begin(), result.end());
  for (size_t at = 1; at < result.size(); ++at)
    if (result[at].first == result[at - 1].first)
      throw Malformed("resource " + result[at].first + " is named twice in a profile");
  return result;
}

core::ProfileText profile(const control::ResourceProfile& from) {
  return {from.id(), from.cores(), from.memory_mb(), amounts(from.resources())};
}

std::vector<core::ResourceText> resources(const Offsets<control::Resource>* from) {
  std::vector<core::ResourceText> result;
  const size_t size = count(from, "resources of a worker", limits::max_resources);
  for (uint32_t at = 0; at < size; ++at) {
    const auto* each = from->Get(at);
    core::ResourceText resource{id(each->name(), "the name of a resource"), {}};
    for (const auto& other : result)
      if (other.name == resource.name)
        throw Malformed("resource " + std::string(resource.name) + " is named twice");
    const size_t units =
        count(each->addresses(), "addresses of a resource", limits::max_addresses_per_resource);
    for (uint32_t unit = 0; unit < units; ++unit)
      resource.addresses.push_back(
          text(each->addresses()->Get(unit), "the address of a resource", limits::max_id_bytes));
    result.push_back(std::move(resource));
  }
  return result;
}

core::RegisterWorker registration(const control::RegisterWorker& from) {
  core::RegisterWorker to;
  to.worker_id = id(from.worker_id(), "worker_id");
  to.host = id(from.host(), "the worker's host");
  to.port = from.port();
  to.cores = from.cores();
  to.memory_mb = from.memory_mb();
  if (to.cores == 0 || to.cores > limits::max_cores_per_worker)
    throw Malformed("a worker needs 1 to " + std::to_string(limits::max_cores_per_worker) +
                    " cores; this one says " + std::to_string(to.cores));
  if (to.memory_mb == 0 || to.memory_mb > limits::max_memory_mb)
    throw Malformed("a worker needs 1 to " + std::to_string(limits::max_memory_mb) +
                    " MiB of memory; this one says " + std::to_string(to.memory_mb));
  to.web_ui_url = text(from.web_ui_url(), "web_ui_url");
  to.resources = resources(from.resources());
  const size_t size = count(from.runtimes(), "runtimes", limits::max_runtimes_per_worker);
  for (uint32_t at = 0; at < size; ++at) {
    const Text runtime = id(from.runtimes()->Get(at), "a runtime");
    if (std::find(to.runtimes.begin(), to.runtimes.end(), runtime) == to.runtimes.end())
      to.runtimes.push_back(runtime);
  }
  to.health_report = text(from.health_report(), "health_report");
  to.endpoint = text(from.endpoint(), "endpoint", limits::max_id_bytes);
  return to;
}

core::ExecutorState executor_state(control::ExecutorState from) {
  if (from > control::ExecutorState::MAX)
    throw Malformed("executor state " + std::to_string(static_cast<int>(from)) + " is unknown");
  return static_cast<core::ExecutorState>(from);
}

core::DriverState driver_state(control::DriverState from) {
  if (from > control::DriverState::MAX)
    throw Malformed("driver state " + std::to_string(static_cast<int>(from)) + " is unknown");
  return static_cast<core::DriverState>(from);
}

std::span<const uint8_t> spark_bytes(const flatbuffers::Vector<uint8_t>* from, const char* whose) {
  if (!from) return {};
  if (from->size() > limits::max_description_bytes)
    throw Malformed(std::string(whose) + " spark_description has " + std::to_string(from->size()) +
                    " bytes; at most " + std::to_string(limits::max_description_bytes) +
                    " are accepted");
  return {from->data(), from->size()};
}

}  // namespace magneto::codec
