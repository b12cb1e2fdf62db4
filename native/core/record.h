// What is kept for a leader that comes after this one (schemas/store.fbs), as plain structs: the
// same on their way out and on their way in. Texts and bytes are valid during the call or event
// only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/event.h"

namespace magneto::core {

struct WorkerRecord {
  RegisterWorker registration;
  bool leaving = false;
};

struct ApplicationRecord {
  Text app_id;
  // On the way out only what a record has of it: the descriptions, the address and the endpoint.
  RegisterApplication registration;
  Millis submitted_ms = 0;
  uint32_t next_executor_id = 0;
  uint64_t order = 0;
};

struct TargetsRecord {
  Text app_id;
  std::vector<std::pair<ProfileText, uint32_t>> targets;  // of all its profiles, resolved (A20)
};

struct DriverRecord {
  Text driver_id;
  SubmitDriver submission;  // on the way out only its description
  Millis submitted_ms = 0;
  uint64_t order = 0;
  Text worker_id;  // empty: it was never launched
  Text worker_host_port;
  Millis started_ms = 0;
  bool kill_asked = false;
  Text replaces;  // empty: nobody
};

struct CountersRecord {
  uint64_t next_application_number = 0;
  uint64_t next_driver_number = 0;
  uint64_t next_order = 0;
};

struct PastExecutorRecord {
  uint32_t executor_id = 0;
  Text worker_id;
  uint32_t profile_id = 0;
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  ExecutorState state = ExecutorState::killed;
};

struct CompletedApplicationRecord {
  Text app_id;
  Text name;
  Text user;
  Text ui_url;
  Text runtime;
  uint8_t state = 0;  // ApplicationState
  Millis submitted_ms = 0;
  Millis ended_ms = 0;
  uint64_t order = 0;  // in which they ended
  std::optional<uint32_t> max_cores;
  uint32_t memory_per_executor_mb = 0;
  uint32_t executor_limit = 0;
  std::vector<PastExecutorRecord> executors;
};

struct CompletedDriverRecord {
  Text driver_id;
  Text main_class;
  Text jar_url;
  DriverState state = DriverState::finished;
  Text exception;
  Text worker_id;
  Text worker_host_port;
  Millis submitted_ms = 0;
  Millis started_ms = 0;
  Millis ended_ms = 0;
  uint64_t order = 0;  // in which they ended
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  bool supervise = false;
  std::vector<ResourceText> resources;
};

using StoredRecord =
    std::variant<WorkerRecord, ApplicationRecord, TargetsRecord, DriverRecord, CountersRecord,
                 CompletedApplicationRecord, CompletedDriverRecord>;

// The master that leads, as a standby has heard; `master_url` empty: it knows none.
struct KnownLeader {
  Text master_url;
  Text master_web_ui_url;
  uint32_t epoch = 0;
};

}  // namespace magneto::core
