#include <algorithm>

#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

// A19: the smallest free addresses as texts, wherever the worker listed them: 10 comes before 2.
std::vector<uint32_t> first_free(const ResourcePool& pool, uint32_t amount) {
  std::vector<uint32_t> free;
  for (uint32_t unit = 0; unit < pool.used.size(); ++unit)
    if (!pool.used[unit]) free.push_back(unit);
  MAGNETO_ASSERT(free.size() == pool.free && pool.free >= amount);
  std::partial_sort(free.begin(), free.begin() + amount, free.end(),
                    [&](uint32_t a, uint32_t b) { return pool.addresses[a] < pool.addresses[b]; });
  free.resize(amount);
  return free;
}

std::vector<HeldResource> take_addresses(Worker& worker, const ResourceAmounts& amounts) {
  std::vector<HeldResource> held;
  for (const auto& [name, amount] : amounts) {
    for (uint32_t at = 0; at < worker.resources.size(); ++at) {
      ResourcePool& pool = worker.resources[at];
      if (pool.name != name) continue;
      HeldResource taken{at, first_free(pool, amount)};
      for (const uint32_t unit : taken.addresses) pool.used[unit] = true;
      pool.free -= amount;
      held.push_back(std::move(taken));
    }
  }
  MAGNETO_ASSERT(held.size() == amounts.size());
  return held;
}

// SIZE_MAX: the worker has none of that name.
size_t pool_named(const Worker& worker, Text name) {
  for (size_t at = 0; at < worker.resources.size(); ++at)
    if (worker.resources[at].name == name) return at;
  return SIZE_MAX;
}

void give_back_addresses(Worker& worker, const std::vector<HeldResource>& held) {
  for (const HeldResource& taken : held) {
    ResourcePool& pool = worker.resources[taken.pool];
    for (const uint32_t unit : taken.addresses) {
      MAGNETO_ASSERT(pool.used[unit]);
      pool.used[unit] = false;
      ++pool.free;
    }
  }
}

}  // namespace

std::vector<HeldResource> occupy(Worker& worker, uint32_t cores, uint32_t memory_mb,
                                 const ResourceAmounts& amounts) {
  MAGNETO_ASSERT(worker.cores_free() >= cores && worker.memory_free_mb() >= memory_mb);
  worker.cores_used += cores;
  worker.memory_used_mb += memory_mb;
  worker.changed();
  return take_addresses(worker, amounts);
}

std::string take_over(Worker& worker, uint32_t cores, uint32_t memory_mb,
                      const std::vector<ResourceText>& resources, std::vector<HeldResource>& held) {
  if (cores > worker.cores || memory_mb > worker.memory_mb ||
      cores > UINT32_MAX - worker.cores_used || memory_mb > UINT32_MAX - worker.memory_used_mb)
    return "its worker has no " + std::to_string(cores) + " cores and " +
           std::to_string(memory_mb) + " MiB";
  const auto refused = [&](const ResourceText& from, Text what) {
    give_back_addresses(worker, held);
    held.clear();
    return std::string(from.name) + " " + std::string(what);
  };
  for (const ResourceText& from : resources) {
    const size_t at = pool_named(worker, from.name);
    if (at == SIZE_MAX) return refused(from, "is no resource of its worker");
    ResourcePool& pool = worker.resources[at];
    held.push_back({static_cast<uint32_t>(at), {}});
    for (const Text address : from.addresses) {
      const auto unit = std::find(pool.addresses.begin(), pool.addresses.end(), address);
      const auto index = static_cast<uint32_t>(unit - pool.addresses.begin());
      if (unit == pool.addresses.end() || pool.used[index])
        return refused(from, std::string(address) + " is not there or taken");
      pool.used[index] = true;
      --pool.free;
      held.back().addresses.push_back(index);
    }
  }
  worker.cores_used += cores;
  worker.memory_used_mb += memory_mb;
  worker.changed();
  return {};
}

void vacate(Core& core, Worker& worker, uint32_t cores, uint32_t memory_mb,
            const std::vector<HeldResource>& held) {
  MAGNETO_ASSERT(worker.cores_used >= cores && worker.memory_used_mb >= memory_mb);
  worker.cores_used -= cores;
  worker.memory_used_mb -= memory_mb;
  worker.changed();
  give_back_addresses(worker, held);
  reindex_worker(core, worker, true);
}

uint32_t resource_free(const Worker& worker, Text name) {
  for (const ResourcePool& pool : worker.resources)
    if (pool.name == name) return pool.free;
  return 0;
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
