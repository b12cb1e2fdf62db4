#include "test/table_words.h"

#include <sstream>

namespace magneto::test {

const char* const state_names[7] = {"LAUNCHING", "RUNNING", "KILLED",        "FAILED",
                                    "LOST",      "EXITED",  "DECOMMISSIONED"};

const char* const driver_state_names[8] = {"SUBMITTED", "RUNNING", "FINISHED", "RELAUNCHING",
                                           "UNKNOWN",   "KILLED",  "FAILED",   "ERROR"};

std::string trimmed(const std::string& text) {
  const size_t from = text.find_first_not_of(' ');
  if (from == std::string::npos) return {};
  return text.substr(from, text.find_last_not_of(' ') - from + 1);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::string text_of(const flatbuffers::String* from) { return from ? from->str() : ""; }

std::string held(const flatbuffers::Vector<flatbuffers::Offset<control::Resource>>& resources) {
  std::string all;
  for (const auto* each : resources)
    for (const auto* unit : *each->addresses())
      all += " " + each->name()->str() + ":" + unit->str();
  return all;
}

std::string status(const control::DriverStatusResponse& message) {
  std::string out = message.found() ? " " : " unknown";
  if (message.found()) out += driver_state_names[static_cast<int>(message.state())];
  for (const auto* each : {message.worker_id(), message.worker_host_port(), message.exception()})
    if (each) out += " " + each->str();
  return out;
}

std::string shown(const view::ClusterView& view) {
  std::string out = view::EnumNameMasterState(view.state());
  if (view.epoch() > 0) out += " e" + std::to_string(view.epoch());
  if (view.leader_url()) out += " leader " + view.leader_url()->str();
  for (const auto* each : *view.workers())
    out += " " + each->id()->str() + ":" + view::EnumNameWorkerState(each->state()) + ":" +
           std::to_string(each->cores_used());
  return out;
}

}  // namespace magneto::test
