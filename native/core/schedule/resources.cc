#include "core/schedule/schedule.h"

namespace magneto::core {

uint32_t resource_free(const Worker& worker, Text name) {
  for (const ResourcePool& pool : worker.resources)
    if (pool.name == name) return pool.free;
  return 0;
}

std::vector<HeldResource> take_resources(Worker& worker, const ResourceAmounts& amounts) {
  std::vector<HeldResource> held;
  for (const auto& [name, amount] : amounts) {
    for (uint32_t at = 0; at < worker.resources.size(); ++at) {
      ResourcePool& pool = worker.resources[at];
      if (pool.name != name) continue;
      HeldResource taken{at, {}};
      for (uint32_t unit = 0; unit < pool.used.size() && taken.addresses.size() < amount; ++unit) {
        if (pool.used[unit]) continue;
        pool.used[unit] = true;
        taken.addresses.push_back(unit);
      }
      MAGNETO_ASSERT(taken.addresses.size() == amount && pool.free >= amount);
      pool.free -= amount;
      held.push_back(std::move(taken));
    }
  }
  MAGNETO_ASSERT(held.size() == amounts.size());
  return held;
}

void give_back_resources(Worker& worker, const std::vector<HeldResource>& held) {
  for (const HeldResource& taken : held) {
    ResourcePool& pool = worker.resources[taken.pool];
    for (const uint32_t unit : taken.addresses) {
      MAGNETO_ASSERT(pool.used[unit]);
      pool.used[unit] = false;
      ++pool.free;
    }
  }
}

Holdings holdings(const Worker& worker, const std::vector<HeldResource>& held) {
  Holdings result;
  for (const HeldResource& taken : held) {
    const ResourcePool& pool = worker.resources[taken.pool];
    std::vector<std::string> addresses;
    for (const uint32_t unit : taken.addresses) addresses.push_back(pool.addresses[unit]);
    result.emplace_back(pool.name, std::move(addresses));
  }
  return result;
}

std::vector<ResourceText> texts(const Holdings& from) {
  std::vector<ResourceText> result;
  for (const auto& [name, addresses] : from)
    result.push_back({name, {addresses.begin(), addresses.end()}});
  return result;
}

}  // namespace magneto::core
