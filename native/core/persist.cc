// Records out (spec H1, H2): what a later leader has to know. Each is written before what it
// promises leaves: the effect waits for its sequence.
#include <algorithm>

#include "core/core.h"
#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

std::vector<ResourceText> texts(const std::vector<ResourcePool>& pools) {
  std::vector<ResourceText> result;
  for (const ResourcePool& pool : pools)
    result.push_back({pool.name, {pool.addresses.begin(), pool.addresses.end()}});
  return result;
}

PastExecutorRecord record_of(const PastExecutor& from) {
  return {from.id, from.worker_id, from.profile_id, from.cores, from.memory_mb, from.state};
}

// The oldest first; those that ran at the end come last.
std::vector<PastExecutorRecord> last_executors(const Application& application,
                                               const CompletedApplication& done) {
  std::vector<PastExecutorRecord> all;
  for (const PastExecutor& each : application.removed) all.push_back(record_of(each));
  for (const PastExecutor& each : done.executors) all.push_back(record_of(each));
  if (all.size() > limits::max_executors_in_history)
    all.erase(all.begin(), all.end() - static_cast<ptrdiff_t>(limits::max_executors_in_history));
  return all;
}

}  // namespace

void persist_worker(Core& core, Worker& worker) {
  WorkerRecord record;
  RegisterWorker& registration = record.registration;
  registration.worker_id = worker.id();
  registration.host = worker.host();
  registration.port = worker.port;
  registration.cores = worker.cores;
  registration.memory_mb = worker.memory_mb;
  registration.web_ui_url = worker.texts.web_ui_url();
  registration.resources = texts(worker.resources);
  for (const Runtime* runtime : *worker.runtimes) registration.runtimes.push_back(runtime->name);
  registration.endpoint = worker.texts.endpoint();
  record.leaving = worker.leaving;
  worker.sequence = core.persist("worker_" + std::string(worker.id()), record);
}

void persist_application(Core& core, Application& application) {
  application.durable_executor_ids += limits::executor_id_block;
  ApplicationRecord record;
  record.app_id = application.id;
  record.registration.description = application.description;
  record.registration.spark_description = application.spark_description;
  record.registration.driver_address = application.driver_address();
  record.registration.endpoint = application.endpoint();
  record.submitted_ms = application.submitted_ms;
  record.next_executor_id = application.durable_executor_ids;
  record.order = application.order;
  application.sequence = core.persist("app_" + application.id, record);
}

void persist_targets(Core& core, Application& application) {
  TargetsRecord record{application.id, {}};
  for (const auto& [id, request] : application.requests)
    record.targets.emplace_back(
        ProfileText{id, request.cores, request.memory_mb, request.shape->resources},
        request.target);
  application.has_targets = true;
  application.sequence = core.persist("targets_" + application.id, record);
}

void persist_counters(Core& core) {
  const State& state = core.state;
  core.persist("counters",
               CountersRecord{state.next_application_number, state.next_driver_number,
                              std::max(state.next_application_order, state.next_driver_order)});
}

void persist_driver(Core& core, Driver& driver) {
  DriverRecord record;
  record.driver_id = driver.id;
  record.submission.description = driver.description;
  record.submitted_ms = driver.submitted_ms;
  record.order = driver.order;
  record.worker_id = driver.worker_id;
  record.worker_host_port = driver.worker_host_port;
  record.started_ms = driver.started_ms;
  record.kill_asked = driver.kill_asked;
  record.replaces = driver.replaces;
  driver.sequence = core.persist("driver_" + driver.id, record);
}

// The history comes first: cut off in between, there is one of the two at least, and a recovery
// believes the history.
uint64_t persist_end(Core& core, const Application& application, const CompletedApplication& done) {
  CompletedApplicationRecord record;
  record.app_id = application.id;
  record.name = application.name();
  record.user = application.user();
  record.ui_url = application.ui_url();
  record.runtime = application.runtime();
  record.state = static_cast<uint8_t>(application.state);
  record.submitted_ms = application.submitted_ms;
  record.ended_ms = application.ended_ms;
  record.order = done.order;
  record.max_cores = application.max_cores;
  record.memory_per_executor_mb = done.memory_per_executor_mb;
  record.executor_limit = done.executor_limit;
  record.executors = last_executors(application, done);
  core.persist("completed_app_" + application.id, record);
  if (application.has_targets) core.forget("targets_" + application.id);
  return core.forget("app_" + application.id);
}

uint64_t persist_end(Core& core, const Driver& driver) {
  CompletedDriverRecord record;
  record.driver_id = driver.id;
  record.main_class = driver.main_class;
  record.jar_url = driver.jar_url;
  record.state = driver.state;
  record.exception = driver.exception;
  record.worker_id = driver.worker_id;
  record.worker_host_port = driver.worker_host_port;
  record.submitted_ms = driver.submitted_ms;
  record.started_ms = driver.started_ms;
  record.ended_ms = driver.ended_ms;
  record.order = driver.end_order;
  record.cores = driver.cores;
  record.memory_mb = driver.memory_mb;
  record.supervise = driver.supervise;
  record.resources = texts(driver.resources);
  core.persist("completed_driver_" + driver.id, record);
  return core.forget("driver_" + driver.id);
}

uint64_t forget_completed(Core& core, const CompletedApplication& done) {
  return core.forget("completed_app_" + done.application.id);
}

uint64_t forget_completed(Core& core, const Driver& done) {
  return core.forget("completed_driver_" + done.id);
}

}  // namespace magneto::core
