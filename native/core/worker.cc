#include "core/worker.h"

#include <algorithm>

#include "core/assert.h"

namespace magneto::core {

WorkerTexts::WorkerTexts(const RegisterWorker& from)
    : id_(static_cast<uint16_t>(from.worker_id.size())),
      host_(static_cast<uint16_t>(from.host.size())),
      web_ui_url_(static_cast<uint16_t>(from.web_ui_url.size())),
      endpoint_(static_cast<uint16_t>(from.endpoint.size())) {
  const Text all[] = {from.worker_id, from.host, from.web_ui_url, from.endpoint};
  for (const Text text : all) MAGNETO_ASSERT(text.size() <= UINT16_MAX);
  bytes_ = std::make_unique<char[]>(size_t{id_} + host_ + web_ui_url_ + endpoint_);
  char* at = bytes_.get();
  for (const Text text : all) at = std::copy(text.begin(), text.end(), at);
}

std::string text_of(const WorkerAddress& address) {
  return std::string(address.host) + ":" + std::to_string(address.port);
}

}  // namespace magneto::core
