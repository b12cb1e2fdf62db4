#include "core/schedule/schedule.h"

namespace magneto::core {

Runtime& intern_runtime(State& state, Text name) {
  auto found = state.runtimes.find(name);
  if (found == state.runtimes.end()) {
    found = state.runtimes.try_emplace(std::string(name)).first;
    found->second.name = name;
  }
  ++found->second.references;
  return found->second;
}

void release_runtime(State& state, Runtime& runtime) {
  MAGNETO_ASSERT(runtime.references > 0);
  if (--runtime.references > 0) return;
  MAGNETO_ASSERT(runtime.candidates.empty() && runtime.blocked.empty());
  state.runtimes.erase(state.runtimes.find(runtime.name));
}

const RuntimeSet& intern_runtimes(State& state, const std::vector<Text>& names) {
  RuntimeSet set;
  for (const Text name : names) set.push_back(&intern_runtime(state, name));
  const auto [entry, added] = state.runtime_sets.try_emplace(set, 0);
  ++entry->second;
  if (!added)  // a set holds its runtimes once, however many workers share it
    for (Runtime* runtime : set) release_runtime(state, *runtime);
  return entry->first;
}

void release_runtimes(State& state, const RuntimeSet& set) {
  const auto entry = state.runtime_sets.find(set);
  MAGNETO_ASSERT(entry != state.runtime_sets.end());
  if (--entry->second > 0) return;
  for (Runtime* runtime : entry->first) release_runtime(state, *runtime);
  state.runtime_sets.erase(entry);
}

uint64_t index_key(const Worker& worker, SelectionPolicy policy) {
  switch (policy) {
    case SelectionPolicy::cores_free_desc:
    case SelectionPolicy::cores_free_asc:
      return worker.cores_free();
    case SelectionPolicy::memory_free_asc:
    case SelectionPolicy::memory_free_desc:
      return worker.memory_free_mb();
    case SelectionPolicy::worker_id:
      return 0;
  }
  return 0;
}

bool fits(const Worker& worker, const Shape& shape) {
  if (worker.cores_free() < shape.min_cores || worker.memory_free_mb() < shape.memory_mb)
    return false;
  for (const auto& [name, amount] : shape.resources)
    if (resource_free(worker, name) < amount) return false;
  return true;
}

void unindex_worker(Worker& worker) {
  if (!worker.indexed) return;
  for (Runtime* runtime : *worker.runtimes) {
    const size_t erased = runtime->candidates.erase({worker.index_key, &worker});
    MAGNETO_ASSERT(erased == 1);
  }
  worker.indexed = false;
}

void enlist_worker(State& state, Worker& worker) {
  worker.placeable_position = static_cast<uint32_t>(state.placeable.size());
  state.placeable.push_back(worker.slot);
}

void delist_worker(State& state, Worker& worker) {
  MAGNETO_ASSERT(state.placeable.at(worker.placeable_position) == worker.slot);
  state.workers[state.placeable.back()].placeable_position = worker.placeable_position;
  state.placeable[worker.placeable_position] = state.placeable.back();
  state.placeable.pop_back();
}

}  // namespace magneto::core
