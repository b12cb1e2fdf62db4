#include "test/oracle.h"

#include <algorithm>

namespace magneto::test {

namespace {

uint32_t gpus_of(const ProfileOptions& profile) {
  const auto found = profile.resources.find("gpu");
  return found == profile.resources.end() ? 0 : found->second;
}

}  // namespace

void Oracle::add_worker(const WorkerOptions& options) {
  const auto gpus = options.resources.find("gpu");
  const auto count = gpus == options.resources.end() ? size_t{0} : gpus->second.size();
  workers_[options.id] =
      Worker{options, options.cores, options.memory_mb, static_cast<uint32_t>(count)};
}

void Oracle::remove_worker(const std::string& id) {
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
        worker.cores_free >= std::max(profile.cores, 1u) &&
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

std::vector<Launch> Oracle::schedule() {
  std::vector<Launch> launches;
  for (Application& application : applications_)
    for (const auto& [id, profile] : application.profiles) place(application, profile, launches);
  return launches;
}

}  // namespace magneto::test
