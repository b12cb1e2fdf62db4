// What a master has written, as a store has it: for leaders that come after it.
#pragma once

#include <map>
#include <string>

#include "codec/gen/store_generated.h"
#include "codec/records.h"
#include "test/messages.h"

namespace magneto::test {

class KeptStore {
 public:
  // PERSIST and FORGET change it; everything else is none of its business.
  void apply(const codec::Record& effect) {
    if (effect.kind == static_cast<uint32_t>(codec::OutboxKind::persist))
      records[store::GetRecord(effect.payload.data())->key()->str()].assign(effect.payload.begin(),
                                                                            effect.payload.end());
    else if (effect.kind == static_cast<uint32_t>(codec::OutboxKind::forget))
      records.erase(std::string(effect.text()));
  }

  // All records, and the mandate to lead.
  void elect(codec::BatchWriter& inbox, uint32_t epoch) const {
    for (const auto& [key, bytes] : records)
      inbox.add(static_cast<uint32_t>(codec::InboxKind::record), 0,
                std::span<const uint8_t>(bytes));
    inbox.add(static_cast<uint32_t>(codec::InboxKind::elected), 0, std::string_view(), epoch);
  }

  std::map<std::string, Bytes> records;
};

}  // namespace magneto::test
