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

class Oracle {
 public:
  explicit Oracle(ConfigOptions config) : config_(std::move(config)) {}

  void add_worker(const WorkerOptions& options);
  void remove_worker(const std::string& id);
  void add_application(const std::string& id, const ApplicationOptions& options);
  void remove_application(const std::string& id);
  void set_target(const std::string& app_id, const ProfileOptions& profile, uint32_t total);
  void end_executor(const std::string& app_id, uint32_t executor_id);
  std::vector<Launch> schedule();

  struct Live {
    std::string app_id;
    uint32_t executor_id = 0;
    std::string worker_id;
  };
  std::vector<Live> live() const;

 private:
  struct Worker {
    WorkerOptions options;
    uint32_t cores_free = 0;
    uint32_t memory_free = 0;
    uint32_t gpus_free = 0;
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

  std::vector<Worker*> usable(const Application& application, const ProfileOptions& profile);
  std::vector<uint32_t> assign(const Application& application, const Profile& profile,
                               const std::vector<Worker*>& workers) const;
  void give_back(const Executor& executor);
  void place(Application& application, const Profile& profile, std::vector<Launch>& launches);

  const ConfigOptions config_;
  std::map<std::string, Worker> workers_;
  std::vector<Application> applications_;
};

}  // namespace magneto::test
