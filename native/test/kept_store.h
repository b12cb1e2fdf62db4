// What a master has written, as a store has it: for leaders that come after it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "codec/gen/store_generated.h"
#include "codec/records.h"
#include "test/messages.h"

namespace magneto::test {

class KeptStore {
 public:
  // PERSIST and FORGET change it; everything else is none of its business.
  void apply(const codec::Record& effect) {
    if (effect.kind == static_cast<uint32_t>(codec::OutboxKind::persist)) {
      const std::string key = keep(store::GetRecord(effect.payload.data())->key()->str());
      records[key].assign(effect.payload.begin(), effect.payload.end());
    } else if (effect.kind == static_cast<uint32_t>(codec::OutboxKind::forget)) {
      records.erase(keep(std::string(effect.text())));
    }
  }

  // The last change of that record never came to the disk.
  void undo(const std::string& key) {
    const std::optional<Bytes> bytes = before_.at(key);
    if (bytes)
      records[key] = *bytes;
    else
      records.erase(key);
  }

  // All records, and the mandate to lead.
  void elect(codec::BatchWriter& inbox, uint32_t epoch) const {
    for (const auto& [key, bytes] : records)
      inbox.add(static_cast<uint32_t>(codec::InboxKind::record), 0,
                std::span<const uint8_t>(bytes));
    inbox.add(static_cast<uint32_t>(codec::InboxKind::elected), 0, std::string_view(), epoch);
  }

  std::map<std::string, Bytes> records;

 private:
  std::string keep(const std::string& key) {
    const auto known = records.find(key);
    before_[key] = known == records.end() ? std::nullopt : std::optional(known->second);
    return key;
  }

  std::map<std::string, std::optional<Bytes>> before_;
};

}  // namespace magneto::test
