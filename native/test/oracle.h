// Spark's own placement, written as plainly as possible: every pass looks at every application and
// worker. The indexed scheduler must launch the same executors in the same order.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "test/messages.h"

namespace magneto::test {

struct Launch {
  std::string app_id;
  uint32_t executor_id = 0;
  std::string worker_id;
  uint32_t cores = 0;
  auto operator<=>(const Launch&) const = default;
};

struct DriverLaunch {
  std::string driver_id;
  std::string worker_id;
  auto operator<=>(const DriverLaunch&) const = default;
};

class Oracle {
 public:
  explicit Oracle(ConfigOptions config) : config_(std::move(config)) {}

  void add_worker(const WorkerOptions& options);
  void remove_worker(const std::string& id);
  void add_application(const std::string& id, const ApplicationOptions& options);
  void remove_application(const std::string& id);
  void set_target(const std::string& app_id, const ProfileOptions& profile, uint32_t total);
  void end_executor(const std::string& app_id, uint32_t executor_id);
  // Submissions and relaunches share one counter, as their ids do.
  void submit_driver(const DriverOptions& options);
  void end_driver(const std::string& id);
  void decommission(const std::string& worker_id);
  void set_healthy(const std::string& worker_id, bool healthy);
  // One pass: drivers, then executors. Where chance decides, `drivers` says what it was: it must be
  // one of what Spark could have done. Throws std::logic_error when it is not.
  std::vector<Launch> schedule(const std::vector<DriverLaunch>& drivers);

  struct Live {
    std::string app_id;
    uint32_t executor_id = 0;
    std::string worker_id;
  };
  std::vector<Live> live() const;

  struct Driver {
    std::string id;
    DriverOptions options;
    std::string worker_id;  // empty: it waits
  };
  const std::vector<Driver>& drivers() const { return drivers_; }

 private:
  struct Worker {
    WorkerOptions options;
    uint32_t cores_free = 0;
    uint32_t memory_free = 0;
    uint32_t gpus_free = 0;
    bool leaving = false;
    bool healthy = true;
  };
  struct Executor {
    std::string worker_id;
    uint32_t profile_id = 0;
    uint32_t cores = 0;
    uint32_t memory_mb = 0;
    uint32_t gpus = 0;
  };
  struct Profile {
    ProfileOptions options;
    uint64_t target = 0;
  };
  struct Application {
    std::string id;
    std::string runtime;
    uint64_t cores_max = 0;
    uint64_t cores_granted = 0;
    uint32_t next_id = 0;
    std::map<uint32_t, Profile> profiles;
    std::map<uint32_t, Executor> executors;
  };

  static bool takes_new(const Worker& worker) { return !worker.leaving && worker.healthy; }
  std::vector<Worker*> usable(const Application& application, const ProfileOptions& profile);
  std::vector<uint32_t> assign(const Application& application, const Profile& profile,
                               const std::vector<Worker*>& workers) const;
  void give_back(const Executor& executor);
  void give_back(const Driver& driver);
  bool hosts(const Worker& worker, const DriverOptions& options) const;
  void place_drivers(const std::vector<DriverLaunch>& launches);
  void place(Application& application, const Profile& profile, std::vector<Launch>& launches);

  const ConfigOptions config_;
  std::map<std::string, Worker> workers_;
  std::vector<Application> applications_;
  std::vector<Driver> drivers_;  // by submission
  uint32_t next_driver_ = 0;
};

}  // namespace magneto::test
