#include "test/oracle.h"

#include <algorithm>
#include <stdexcept>

namespace magneto::test {

namespace {

template <class Options>
uint32_t gpus_of(const Options& options) {
  const auto found = options.resources.find("gpu");
  return found == options.resources.end() ? 0 : found->second;
}

}  // namespace

void Oracle::add_worker(const WorkerOptions& options) {
  const auto gpus = options.resources.find("gpu");
  const auto count = gpus == options.resources.end() ? size_t{0} : gpus->second.size();
  workers_[options.id] =
      Worker{options, options.cores, options.memory_mb, static_cast<uint32_t>(count)};
}

// L6
void Oracle::remove_worker(const std::string& id) {
  std::vector<DriverOptions> relaunched;
  std::erase_if(drivers_, [&](const Driver& driver) {
    if (driver.worker_id != id) return false;
    if (driver.options.supervise) relaunched.push_back(driver.options);
    return true;
  });
  for (const DriverOptions& options : relaunched) submit_driver(options);
  for (Application& application : applications_) {
    std::erase_if(application.executors, [&](const auto& each) {
      if (each.second.worker_id != id) return false;
      application.cores_granted -= each.second.cores;
      return true;
    });
  }
  workers_.erase(id);
}

void Oracle::add_application(const std::string& id, const ApplicationOptions& options) {
  Application application;
  application.id = id;
  application.runtime = options.runtime;
  application.cores_max = options.max_cores.value_or(config_.default_cores);
  application.profiles[options.profile.id] = {options.profile, options.limit.value_or(UINT32_MAX)};
  applications_.push_back(application);
}

void Oracle::remove_application(const std::string& id) {
  std::erase_if(applications_, [&](const Application& application) {
    if (application.id != id) return false;
    for (const auto& [executor_id, executor] : application.executors) give_back(executor);
    return true;
  });
}

void Oracle::set_target(const std::string& app_id, const ProfileOptions& profile, uint32_t total) {
  for (Application& application : applications_) {
    if (application.id != app_id) continue;
    application.profiles.try_emplace(profile.id, Profile{profile, 0});
    application.profiles[profile.id].target = total;
  }
}

void Oracle::end_executor(const std::string& app_id, uint32_t executor_id) {
  for (Application& application : applications_) {
    if (application.id != app_id) continue;
    const Executor executor = application.executors.at(executor_id);
    application.executors.erase(executor_id);
    application.cores_granted -= executor.cores;
    give_back(executor);
  }
}

void Oracle::give_back(const Executor& executor) {
  Worker& worker = workers_.at(executor.worker_id);
  worker.cores_free += executor.cores;
  worker.memory_free += executor.memory_mb;
  worker.gpus_free += executor.gpus;
}

void Oracle::give_back(const Driver& driver) {
  if (driver.worker_id.empty()) return;
  Worker& worker = workers_.at(driver.worker_id);
  worker.cores_free += driver.options.cores;
  worker.memory_free += driver.options.memory_mb;
  worker.gpus_free += gpus_of(driver.options);
}

void Oracle::submit_driver(const DriverOptions& options) {
  char id[40] = {};
  std::snprintf(id, sizeof id, "driver-20260124103005-%04u", next_driver_++);
  drivers_.push_back({id, options, {}});
}

void Oracle::end_driver(const std::string& id) {
  std::erase_if(drivers_, [&](const Driver& driver) {
    if (driver.id != id) return false;
    give_back(driver);
    return true;
  });
}

// D3. What runs there goes on, but nothing asks any more what it holds.
void Oracle::decommission(const std::string& worker_id) {
  workers_.at(worker_id).leaving = true;
  for (Application& application : applications_) {
    std::erase_if(application.executors, [&](const auto& each) {
      if (each.second.worker_id != worker_id) return false;
      application.cores_granted -= each.second.cores;
      return true;
    });
  }
}

void Oracle::set_healthy(const std::string& worker_id, bool healthy) {
  workers_.at(worker_id).healthy = healthy;
}

bool Oracle::hosts(const Worker& worker, const DriverOptions& options) const {
  const auto& has = worker.options.runtimes;
  const bool runtime =
      std::any_of(options.runtimes.begin(), options.runtimes.end(), [&](const std::string& name) {
        return std::find(has.begin(), has.end(), name) != has.end();
      });
  return runtime && takes_new(worker) && worker.cores_free >= options.cores &&
         worker.memory_free >= options.memory_mb && worker.gpus_free >= gpus_of(options);
}

// A2 to A5.
void Oracle::place_drivers(const std::vector<DriverLaunch>& launches) {
  auto next = launches.begin();
  for (Driver& driver : drivers_) {
    if (!driver.worker_id.empty()) continue;
    const auto running = std::count_if(drivers_.begin(), drivers_.end(),
                                       [](const Driver& each) { return !each.worker_id.empty(); });
    if (running >= int64_t{config_.max_drivers}) break;
    const auto first = std::find_if(workers_.begin(), workers_.end(), [&](const auto& each) {
      return hosts(each.second, driver.options);
    });
    const bool launched = next != launches.end() && next->driver_id == driver.id;
    if (launched != (first != workers_.end()))
      throw std::logic_error(driver.id + (launched ? " fits nowhere" : " fits and still waits"));
    if (!launched) continue;
    Worker& worker = workers_.at(next->worker_id);
    if (!hosts(worker, driver.options))
      throw std::logic_error(driver.id + " does not fit on " + next->worker_id);
    if (!config_.spread_drivers && next->worker_id != first->first)
      throw std::logic_error(driver.id + " belongs on " + first->first);
    driver.worker_id = next->worker_id;
    worker.cores_free -= driver.options.cores;
    worker.memory_free -= driver.options.memory_mb;
    worker.gpus_free -= gpus_of(driver.options);
    ++next;
  }
  if (next != launches.end()) throw std::logic_error(next->driver_id + " came out of turn");
}

std::vector<Oracle::Live> Oracle::live() const {
  std::vector<Live> all;
  for (const Application& application : applications_)
    for (const auto& [id, executor] : application.executors)
      all.push_back({application.id, id, executor.worker_id});
  return all;
}

std::vector<Oracle::Worker*> Oracle::usable(const Application& application,
                                            const ProfileOptions& profile) {
  using Policy = core::WorkerSelectionPolicy;
  std::vector<Worker*> all;
  for (auto& [id, worker] : workers_) {
    const auto& runtimes = worker.options.runtimes;
    if (std::find(runtimes.begin(), runtimes.end(), application.runtime) != runtimes.end() &&
        takes_new(worker) && worker.cores_free >= std::max(profile.cores, 1u) &&
        worker.memory_free >= profile.memory_mb && worker.gpus_free >= gpus_of(profile))
      all.push_back(&worker);  // by ascending id
  }
  const Policy policy = config_.policy;
  const bool by_cores = policy == Policy::CORES_FREE_ASC || policy == Policy::CORES_FREE_DESC;
  if (policy != Policy::WORKER_ID)
    std::stable_sort(all.begin(), all.end(), [&](const Worker* a, const Worker* b) {
      return by_cores ? a->cores_free < b->cores_free : a->memory_free < b->memory_free;
    });
  if (policy == Policy::CORES_FREE_DESC || policy == Policy::MEMORY_FREE_DESC)
    std::reverse(all.begin(), all.end());
  return all;
}

std::vector<uint32_t> Oracle::assign(const Application& application, const Profile& profile,
                                     const std::vector<Worker*>& workers) const {
  const uint32_t chunk = std::max(profile.options.cores, 1u);
  const bool one_each = profile.options.cores == 0;
  uint64_t running = 0;
  for (const auto& [id, executor] : application.executors)
    if (executor.profile_id == profile.options.id) ++running;
  uint64_t to_assign = application.cores_max - application.cores_granted;
  uint64_t sum = 0;
  for (const Worker* worker : workers) sum += worker->cores_free;
  to_assign = std::min(to_assign, sum);
  std::vector<uint32_t> cores(workers.size());
  std::vector<uint32_t> executors(workers.size());
  uint64_t assigned = 0;
  const auto can = [&](size_t at) {
    const Worker& worker = *workers[at];
    if (to_assign < chunk || worker.cores_free - cores[at] < chunk) return false;
    if (one_each && executors[at] > 0) return true;
    const uint64_t more = uint64_t{executors[at]} + 1;
    return worker.memory_free >= more * profile.options.memory_mb &&
           worker.gpus_free >= more * gpus_of(profile.options) &&
           assigned + running < profile.target;
  };
  const auto any = [&] {
    for (size_t at = 0; at < workers.size(); ++at)
      if (can(at)) return true;
    return false;
  };
  while (any()) {
    for (size_t at = 0; at < workers.size(); ++at) {
      while (can(at)) {
        to_assign -= chunk;
        cores[at] += chunk;
        if (!one_each || executors[at] == 0) {
          ++executors[at];
          ++assigned;
        }
        if (config_.spread) break;
      }
    }
  }
  return cores;
}

void Oracle::place(Application& application, const Profile& profile,
                   std::vector<Launch>& launches) {
  if (application.cores_max - application.cores_granted < std::max(profile.options.cores, 1u))
    return;
  const auto workers = usable(application, profile.options);
  const auto cores = assign(application, profile, workers);
  for (size_t at = 0; at < workers.size(); ++at) {
    if (cores[at] == 0) continue;
    const uint32_t each = profile.options.cores == 0 ? cores[at] : profile.options.cores;
    for (uint32_t left = cores[at]; left > 0; left -= each) {
      Worker& worker = *workers[at];
      const uint32_t id = application.next_id++;
      application.executors[id] = {worker.options.id, profile.options.id, each,
                                   profile.options.memory_mb, gpus_of(profile.options)};
      application.cores_granted += each;
      worker.cores_free -= each;
      worker.memory_free -= profile.options.memory_mb;
      worker.gpus_free -= gpus_of(profile.options);
      launches.push_back({application.id, id, worker.options.id, each});
    }
  }
}

std::vector<Launch> Oracle::schedule(const std::vector<DriverLaunch>& drivers) {
  place_drivers(drivers);
  std::vector<Launch> launches;
  for (Application& application : applications_)
    for (const auto& [id, profile] : application.profiles) place(application, profile, launches);
  return launches;
}

}  // namespace magneto::test
