// Control messages and settings as their senders would build them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codec/gen/control_generated.h"
#include "codec/gen/core_generated.h"
#include "core/event.h"

namespace magneto::test {

using Bytes = std::vector<uint8_t>;

struct ConfigOptions {
  bool spread = true;
  core::WorkerSelectionPolicy policy = core::WorkerSelectionPolicy::CORES_FREE_DESC;
  uint32_t default_cores = 2147483647;
  int32_t retries = 10;
  uint32_t retained = 200;
  uint32_t timeout_ms = 60'000;
  uint32_t persistence = 15;
  std::string pattern = "app-%s-%04d";
  uint64_t seed = 1;
  bool spread_drivers = true;
  uint32_t max_drivers = 2147483647;
  uint32_t retained_drivers = 200;
  std::string driver_pattern = "driver-%s-%04d";
  uint32_t modulo = 0;
  bool name_as_id = false;
  bool standby = false;
  uint32_t recovery_timeout_ms = 60'000;
  uint32_t recovery_grace_ms = 3'000;
};
struct WorkerOptions {
  std::string id;
  std::string host;
  uint16_t port = 7000;
  uint32_t cores = 4;
  uint32_t memory_mb = 4096;
  std::map<std::string, std::vector<std::string>> resources;
  std::vector<std::string> runtimes{"node"};
  std::string web_ui_url{};
  std::string health_report{};
  std::string endpoint{};
};
struct ProfileOptions {
  uint32_t id = 0;
  uint32_t cores = 1;
  uint32_t memory_mb = 1024;
  std::map<std::string, uint32_t> resources;
};
struct ApplicationOptions {
  std::string name = "app";
  std::string runtime = "node";
  std::string driver;
  std::optional<uint32_t> max_cores;
  std::optional<uint32_t> limit;
  ProfileOptions profile;
  Bytes spark;  // its Java object stream
  std::string endpoint{};
};
struct DriverOptions {
  std::string main_class = "Main";
  uint32_t cores = 1;
  uint32_t memory_mb = 1024;
  bool supervise = false;
  std::map<std::string, uint32_t> resources;
  std::vector<std::string> runtimes{"node"};
  std::string web_ui_url{};
};
struct StateOptions {
  uint32_t request_id = 1;
  std::string app_id;
  uint32_t executor_id = 0;
  core::ExecutorState state = core::ExecutorState::running;
  std::optional<int32_t> exit_status;
  std::string message;
};

struct RunningExecutor {
  std::string app_id;
  uint32_t executor_id = 0;
  uint32_t profile_id = 0;
  uint32_t cores = 1;
  uint32_t memory_mb = 1024;
  core::ExecutorState state = core::ExecutorState::running;
  std::map<std::string, std::vector<std::string>> resources{};
};
struct RunningDriver {
  std::string id;
  std::map<std::string, std::vector<std::string>> resources{};
};

Bytes config(const ConfigOptions& options);
Bytes register_worker(const WorkerOptions& options);
Bytes heartbeat(const std::string& worker_id);
Bytes latest_state(const std::string& worker_id, const std::vector<core::KnownExecutor>& executors,
                   const std::vector<std::string>& driver_ids = {});
Bytes state_changed(const StateOptions& options);
Bytes register_application(const ApplicationOptions& options);
Bytes unregister_application(const std::string& app_id);
Bytes request_executors(const std::string& app_id,
                        const std::vector<std::pair<ProfileOptions, uint32_t>>& targets);
Bytes kill_executors(const std::string& app_id, const std::vector<std::string>& ids);
Bytes kill_application(const std::string& app_id);
Bytes submit_driver(const DriverOptions& options);
Bytes kill_driver(const std::string& driver_id);
Bytes kill_all_drivers();
Bytes driver_status(const std::string& driver_id);
Bytes driver_state_changed(const std::string& driver_id, core::DriverState state,
                           const std::string& exception = {}, uint32_t request_id = 0);
Bytes clear_completed();
Bytes readyz();
Bytes decommission_hosts(const std::vector<std::string>& hosts);
Bytes worker_decommissioning(const std::string& worker_id);
Bytes worker_health(const std::string& worker_id, bool healthy, const std::string& report = {});
Bytes scheduler_state(const std::string& worker_id, const std::vector<RunningExecutor>& executors,
                      const std::vector<RunningDriver>& drivers = {});
Bytes master_change_acknowledged(const std::string& app_id,
                                 const std::vector<std::string>& expected = {});
// What a standby hears of the leader.
Bytes leader(const std::string& master_url, uint32_t epoch);

}  // namespace magneto::test
