// What the core asks for: effects are data, the port names every verb. Texts are valid during the
// call.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "core/event.h"
#include "core/record.h"

namespace magneto::core {

enum class NoticeLevel : uint8_t { debug, info, warn, error };

struct WorkerRegistered {
  bool duplicate = false;
  uint32_t epoch = 0;
};
struct RegisterWorkerFailed {
  Text message;
};
struct ReconnectWorker {};
struct LaunchExecutor {
  Text app_id;
  uint32_t executor_id = 0;
  uint32_t profile_id = 0;
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  std::vector<ResourceText> resources;
  // The one for workers of the Spark gateway, the other for all others.
  std::span<const uint8_t> description{};
  std::span<const uint8_t> spark_description{};  // empty: none is known
};
struct KillExecutor {
  Text app_id;
  uint32_t executor_id = 0;
};
struct ApplicationFinished {
  Text app_id;
};
struct ApplicationRegistered {
  Text app_id;
  uint32_t epoch = 0;
};
struct ExecutorAdded {
  uint32_t executor_id = 0;
  Text worker_id;
  Text host;
  uint16_t port = 0;
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
};
struct ExecutorUpdated {
  uint32_t executor_id = 0;
  ExecutorState state = ExecutorState::launching;
  std::optional<Text> message;
  std::optional<int32_t> exit_status;
  std::optional<Text> worker_host;
};
struct WorkerRemoved {
  Text worker_id;
  Text host;
  Text message;
};
struct ApplicationRemoved {
  Text message;
};
struct Reply {
  uint32_t request_id = 0;
  bool ok = false;
  Text message{};
  Text id{};           // what was made
  uint32_t count = 0;  // how many were met
};
struct Refused {
  Text message;
};
struct LaunchDriver {
  Text driver_id;
  std::span<const uint8_t> description;
  std::vector<ResourceText> resources;
};
struct KillDriver {
  Text driver_id;
};
struct DriverStatusResponse {
  uint32_t request_id = 0;
  bool found = false;
  DriverState state = DriverState::submitted;
  Text worker_id;         // empty: it never had one
  Text worker_host_port;  // likewise
  Text exception;         // empty: none
};
struct DecommissionWorker {};
struct MasterInStandby {
  KnownLeader leader;
};
struct MasterChanged {
  uint32_t epoch = 0;
};

using Outgoing =
    std::variant<WorkerRegistered, RegisterWorkerFailed, ReconnectWorker, LaunchExecutor,
                 KillExecutor, ApplicationFinished, ApplicationRegistered, ExecutorAdded,
                 ExecutorUpdated, WorkerRemoved, ApplicationRemoved, Reply, Refused, LaunchDriver,
                 KillDriver, DriverStatusResponse, DecommissionWorker, MasterInStandby,
                 MasterChanged>;

class Port {
 public:
  virtual ~Port() = default;
  // `sequence`: the store sequence that must be synced first; 0: none.
  virtual void send(Session session, uint64_t sequence, const Outgoing& message) = 0;
  virtual void close(Session session, uint64_t sequence, Text reason) = 0;
  virtual void persist(uint64_t sequence, Text key, const StoredRecord& record) = 0;
  virtual void forget(uint64_t sequence, Text key) = 0;
  virtual void set_timer(Millis due_ms) = 0;
  virtual void notice(NoticeLevel level, Text code, Text text) = 0;
};

}  // namespace magneto::core
