// The only place that walks workers to explain something.
#include <algorithm>

#include "core/schedule/explain.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

constexpr size_t other_runtimes_named = 8;

struct Capacity {
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
};

uint32_t lack(uint64_t asked, uint64_t has) {
  return asked > has ? static_cast<uint32_t>(asked - has) : 0;
}

uint32_t resource_total(const Worker& worker, Text name) {
  for (const ResourcePool& pool : worker.resources)
    if (pool.name == name) return static_cast<uint32_t>(pool.addresses.size());
  return 0;
}

template <class Has>
Missing missing(const Demand& demand, Capacity capacity, Has has) {
  Missing result;
  result.cores = lack(demand.cores, capacity.cores);
  result.memory_mb = lack(demand.memory_mb, capacity.memory_mb);
  for (const auto& [name, amount] : demand.resources)
    if (const uint32_t short_of = lack(amount, has(name)))
      result.resources.emplace_back(name, short_of);
  return result;
}

Missing missing_now(const Worker& worker, const Demand& demand) {
  return missing(demand, {worker.cores_free(), worker.memory_free_mb()},
                 [&](Text name) { return resource_free(worker, name); });
}

Missing missing_when_idle(const Worker& worker, const Demand& demand) {
  return missing(demand, {worker.cores, worker.memory_mb},
                 [&](Text name) { return resource_total(worker, name); });
}

// In millionths of the demand, summed over the kinds.
uint64_t proportion(const Missing& missing, const Demand& demand) {
  const auto part = [](uint64_t lacking, uint64_t asked) { return lacking * 1'000'000 / asked; };
  uint64_t sum = 0;
  if (missing.cores > 0) sum += part(missing.cores, demand.cores);
  if (missing.memory_mb > 0) sum += part(missing.memory_mb, demand.memory_mb);
  for (const auto& [name, lacking] : missing.resources)
    for (const auto& [asked_name, asked] : demand.resources)
      if (asked_name == name) sum += part(lacking, asked);
  return sum;
}

bool is_closer(const Closest& one, const Closest& other, const Demand& demand) {
  if (!other.worker) return true;
  if (one.fits_when_idle() != other.fits_when_idle()) return one.fits_when_idle();
  const Missing& mine = one.fits_when_idle() ? one.now : one.when_idle;
  const Missing& others = other.fits_when_idle() ? other.now : other.when_idle;
  if (mine.kinds() != others.kinds()) return mine.kinds() < others.kinds();
  const uint64_t my_part = proportion(mine, demand);
  const uint64_t other_part = proportion(others, demand);
  return my_part != other_part ? my_part < other_part : one.worker->id() < other.worker->id();
}

class Surveyor {
 public:
  Surveyor(const State& state, const Demand& demand) : state_(state), demand_(demand) {
    for (const std::string& name : demand.runtimes)
      if (const auto known = state.runtimes.find(name); known != state.runtimes.end())
        wanted_.push_back(&known->second);
    result_.most_resources.resize(demand.resources.size());
  }

  void visit(const Worker& worker) {
    ++result_.workers;
    if (!worker.takes_new()) {
      ++result_.ruled_out_by_state;
      if (worker.state == WorkerState::alive) note_unhealthy(worker);
      result_.dead += worker.state == WorkerState::dead ? 1 : 0;
      result_.decommissioned += worker.state == WorkerState::decommissioned ? 1 : 0;
      return;
    }
    if (!has_runtime(worker)) {
      ++result_.ruled_out_by_runtime;
      note_runtimes(worker);
      return;
    }
    note_size(worker);
    Closest found{&worker, missing_now(worker, demand_), missing_when_idle(worker, demand_)};
    const bool fits_now = found.now.kinds() == 0;
    MAGNETO_ASSERT(!fits_now || found.fits_when_idle());
    if (found.now.cores > 0)
      ++result_.ruled_out_by_cores;
    else if (found.now.memory_mb > 0)
      ++result_.ruled_out_by_memory;
    else if (!fits_now)
      ++result_.ruled_out_by_resources;
    else
      ++result_.fitting;
    if (!fits_now && found.fits_when_idle()) ++result_.fitting_when_idle;
    if (is_closer(found, result_.closest, demand_)) result_.closest = std::move(found);
  }

  Survey finish() {
    std::sort(others_.begin(), others_.end(),
              [](const Runtime* a, const Runtime* b) { return a->name < b->name; });
    for (const Runtime* runtime : others_) result_.other_runtimes.push_back(runtime->name);
    return std::move(result_);
  }

 private:
  bool has_runtime(const Worker& worker) const {
    return std::any_of(worker.runtimes->begin(), worker.runtimes->end(), [&](const Runtime* each) {
      return std::find(wanted_.begin(), wanted_.end(), each) != wanted_.end();
    });
  }

  void note_unhealthy(const Worker& worker) {
    ++result_.unhealthy;
    if (!has_runtime(worker) || missing_when_idle(worker, demand_).kinds() > 0) return;
    ++result_.unhealthy_that_fit;
    if (!result_.unhealthy_id.empty() && result_.unhealthy_id < worker.id()) return;
    result_.unhealthy_id = worker.id();
    result_.unhealthy_report = state_.unhealthy.at(worker.slot);
  }

  void note_runtimes(const Worker& worker) {
    for (const Runtime* each : *worker.runtimes) {
      if (others_.size() == other_runtimes_named) return;
      if (std::find(others_.begin(), others_.end(), each) == others_.end()) others_.push_back(each);
    }
  }

  void note_size(const Worker& worker) {
    result_.most_cores = std::max(result_.most_cores, worker.cores);
    result_.most_memory_mb = std::max(result_.most_memory_mb, worker.memory_mb);
    for (size_t at = 0; at < demand_.resources.size(); ++at)
      result_.most_resources[at] =
          std::max(result_.most_resources[at], resource_total(worker, demand_.resources[at].first));
  }

  const State& state_;
  const Demand& demand_;
  std::vector<const Runtime*> wanted_;
  std::vector<const Runtime*> others_;
  Survey result_;
};

}  // namespace

Survey survey(const State& state, const Demand& demand) {
  Surveyor surveyor(state, demand);
  state.workers.each([&](WorkerSlot, const Worker& worker) { surveyor.visit(worker); });
  Survey result = surveyor.finish();
  MAGNETO_ASSERT(result.workers == result.ruled_out_by_state + result.ruled_out_by_runtime +
                                       result.ruled_out_by_cores + result.ruled_out_by_memory +
                                       result.ruled_out_by_resources + result.fitting);
  return result;
}

}  // namespace magneto::core
