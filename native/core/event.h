// What peers say, as plain structs. Texts and bytes point into the inbox: valid during the event
// only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "core/ids.h"

namespace magneto::core {

enum class ExecutorState : uint8_t {
  launching = 0,
  running = 1,
  killed = 2,
  failed = 3,
  lost = 4,
  exited = 5,
  decommissioned = 6
};

constexpr bool is_finished(ExecutorState state) {  // S4
  return state == ExecutorState::killed || state == ExecutorState::failed ||
         state == ExecutorState::lost || state == ExecutorState::exited;
}

enum class DriverState : uint8_t {  // S5
  submitted = 0,
  running = 1,
  finished = 2,
  relaunching = 3,
  unknown = 4,
  killed = 5,
  failed = 6,
  error = 7
};

struct ResourceText {
  Text name;
  std::vector<Text> addresses;
};

// Sorted by name, no name twice.
using ResourceAmounts = std::vector<std::pair<std::string, uint32_t>>;

struct ProfileText {
  uint32_t id = 0;
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  ResourceAmounts resources;
};

struct RegisterWorker {
  Text worker_id;
  Text host;
  uint16_t port = 0;
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  Text web_ui_url;
  std::vector<ResourceText> resources;
  std::vector<Text> runtimes;
  Text health_report;  // empty: healthy
  Text endpoint;       // of its Spark RPC, where a new leader calls it; empty: it comes by itself
};
struct WorkerHeartbeat {
  Text worker_id;
};
struct KnownExecutor {
  Text app_id;
  uint32_t executor_id = 0;
  ExecutorState state = ExecutorState::launching;
};
struct WorkerLatestState {
  Text worker_id;
  std::vector<KnownExecutor> executors;
  std::vector<Text> driver_ids;
};
struct ExecutorStateChanged {
  uint32_t request_id = 0;
  Text app_id;
  uint32_t executor_id = 0;
  ExecutorState state = ExecutorState::launching;
  std::optional<Text> message;
  std::optional<int32_t> exit_status;
};
struct RegisterApplication {
  std::span<const uint8_t> description;        // kept and passed on as it is
  std::span<const uint8_t> spark_description;  // the same as a Java object stream; empty: none
  Text name;
  Text user;
  Text ui_url;
  Text runtime;
  std::optional<uint32_t> max_cores;
  std::optional<uint32_t> initial_executor_limit;
  ProfileText default_profile;
  Text driver_address;
  Text endpoint;  // of its Spark RPC at driver_address; empty: it comes by itself
};
struct UnregisterApplication {
  Text app_id;
};
struct RequestExecutors {
  uint32_t request_id = 0;
  Text app_id;
  std::vector<std::pair<ProfileText, uint32_t>> targets;
};
struct KillExecutors {
  uint32_t request_id = 0;
  Text app_id;
  std::vector<Text> executor_ids;
};
struct KillApplication {
  uint32_t request_id = 0;
  Text app_id;
};
struct DriverStateChanged {
  uint32_t request_id = 0;  // 0: nobody waits for an answer
  Text driver_id;
  DriverState state = DriverState::submitted;
  Text exception;  // empty: none
};
struct SubmitDriver {  // RequestSubmitDriver
  uint32_t request_id = 0;
  std::span<const uint8_t> description;  // kept and passed on as it is
  Text jar_url;
  Text main_class;  // the user's (J4)
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  bool supervise = false;
  ResourceAmounts resources;
  std::vector<Text> runtimes;  // any one of them; sorted, none twice
};
struct RequestKillDriver {
  uint32_t request_id = 0;
  Text driver_id;
};
struct RequestKillAllDrivers {
  uint32_t request_id = 0;
};
struct RequestDriverStatus {
  uint32_t request_id = 0;
  Text driver_id;
};
struct RequestClearCompleted {  // RequestClearCompletedDriversAndApps
  uint32_t request_id = 0;
};
struct RequestReadyz {
  uint32_t request_id = 0;
};
struct DecommissionWorkersOnHosts {
  uint32_t request_id = 0;
  std::vector<Text> hosts;
};
struct WorkerDecommissioning {
  Text worker_id;
};
struct WorkerHealth {
  Text worker_id;
  bool healthy = false;
  Text report;  // empty: it gives no reason
};
// ---- from peers of the leader before ----
struct ReportedExecutor {  // WorkerExecutorStateResponse
  Text app_id;
  uint32_t executor_id = 0;
  uint32_t profile_id = 0;
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  ExecutorState state = ExecutorState::launching;
  std::vector<ResourceText> resources;
};
struct ReportedDriver {  // WorkerDriverStateResponse
  Text driver_id;
  std::vector<ResourceText> resources;
};
struct WorkerSchedulerStateResponse {
  Text worker_id;
  std::vector<ReportedExecutor> executors;
  std::vector<ReportedDriver> drivers;
};
struct MasterChangeAcknowledged {
  Text app_id;
  std::vector<Text> expected_executors;  // ids
};

using Message =
    std::variant<RegisterWorker, WorkerHeartbeat, WorkerLatestState, ExecutorStateChanged,
                 RegisterApplication, UnregisterApplication, RequestExecutors, KillExecutors,
                 KillApplication, DriverStateChanged, SubmitDriver, RequestKillDriver,
                 RequestKillAllDrivers, RequestDriverStatus, RequestClearCompleted, RequestReadyz,
                 DecommissionWorkersOnHosts, WorkerDecommissioning, WorkerHealth,
                 WorkerSchedulerStateResponse, MasterChangeAcknowledged>;

}  // namespace magneto::core
