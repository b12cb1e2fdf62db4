// Records in (spec H8): what the leader before has left is taken up while this master is a standby.
// What contradicts something else is left out, with a notice: it never keeps the rest from coming
// back.
#include <algorithm>

#include "core/core.h"
#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

constexpr uint64_t most_number = uint64_t{1} << 53;
constexpr uint32_t most_executor_id = UINT32_MAX / 2;

// Each returns why the record can't be taken up; empty: it was.
struct Restorer {
  Core& core;
  Text key;
  State& state = core.state;

  std::string operator()(const WorkerRecord& record) {
    const RegisterWorker& from = record.registration;
    if (std::string why = other_key("worker_", from.worker_id); !why.empty()) return why;
    if (state.find_worker(from.worker_id)) return "there is another worker with its id";
    if (state.workers_by_address.contains(WorkerAddress{from.host, from.port}))
      return "there is another worker at its address";
    if (state.workers_by_address.size() >= limits::max_workers) return "there are too many workers";
    add_worker(core, from, WorkerState::unknown).leaving = record.leaving;
    return {};
  }

  std::string operator()(const ApplicationRecord& record) {
    const RegisterApplication& from = record.registration;
    if (std::string why = other_key("app_", record.app_id); !why.empty()) return why;
    if (state.application_by_id.contains(record.app_id))
      return "there is another application with its id";
    if (!from.driver_address.empty() && state.application_by_driver.contains(from.driver_address))
      return "there is another application of its driver";
    if (state.applications.size() >= limits::max_applications)
      return "there are too many applications";
    if (record.order >= most_number || record.next_executor_id > most_executor_id)
      return "its numbers are out of range";
    Application& application = add_application(core, from, std::string(record.app_id));
    application.order = record.order;
    application.submitted_ms = record.submitted_ms;
    application.next_executor_id = record.next_executor_id;
    application.durable_executor_ids = record.next_executor_id;
    application.state = ApplicationState::unknown;
    application.recovered = true;
    ++state.recovery.unknown_applications;
    state.next_application_order = std::max(state.next_application_order, record.order + 1);
    return {};
  }

  std::string operator()(const TargetsRecord& record) {
    if (std::string why = other_key("targets_", record.app_id); !why.empty()) return why;
    if (record.targets.size() > limits::max_profiles_per_application)
      return "there are too many resource profiles";
    state.recovery.targets[std::string(record.app_id)] = record.targets;
    return {};
  }

  std::string operator()(const DriverRecord& record) {
    if (std::string why = other_key("driver_", record.driver_id); !why.empty()) return why;
    if (state.driver_by_id.contains(record.driver_id)) return "there is another driver with its id";
    if (state.drivers.size() >= limits::max_drivers) return "there are too many drivers";
    if (record.order >= most_number) return "its numbers are out of range";
    Driver driver;
    driver.id = record.driver_id;
    driver.order = record.order;
    driver.submitted_ms = record.submitted_ms;
    driver.state = record.worker_id.empty() ? DriverState::submitted : DriverState::unknown;
    driver.worker_id = record.worker_id;
    driver.worker_host_port = record.worker_host_port;
    driver.started_ms = record.started_ms;
    driver.replaces = record.replaces;
    driver.kill_asked = record.kill_asked;
    describe_driver(driver, record.submission);
    add_driver(core, std::move(driver));
    state.next_driver_order = std::max(state.next_driver_order, record.order + 1);
    return {};
  }

  std::string operator()(const CountersRecord& record) {
    if (key != "counters") return "its key should be counters";
    if (std::max({record.next_application_number, record.next_driver_number, record.next_order}) >=
        most_number)
      return "its numbers are out of range";
    state.next_application_number = record.next_application_number;
    state.next_driver_number = record.next_driver_number;
    state.next_application_order = std::max(state.next_application_order, record.next_order);
    state.next_driver_order = std::max(state.next_driver_order, record.next_order);
    return {};
  }

  std::string operator()(const CompletedApplicationRecord& record) {
    if (std::string why = other_key("completed_app_", record.app_id); !why.empty()) return why;
    if (state.completed.size() >= limits::max_completed_applications)
      return "there are too many completed applications";
    CompletedApplication done;
    Application& application = done.application;
    application.id = record.app_id;
    application.texts =
        TextBlock<6>({record.name, record.user, record.ui_url, record.runtime, {}, {}});
    application.state = static_cast<ApplicationState>(record.state);
    application.submitted_ms = record.submitted_ms;
    application.ended_ms = record.ended_ms;
    application.max_cores = record.max_cores;
    state.feed.join(done, RowKind::completed_application);
    uint32_t order = 0;
    for (const PastExecutorRecord& each : record.executors) {
      application.removed.push_back({{},
                                     each.executor_id,
                                     std::string(each.worker_id),
                                     each.profile_id,
                                     each.cores,
                                     each.memory_mb,
                                     each.state,
                                     {},
                                     done.number(),
                                     order++});
      state.feed.join(application.removed.back(), RowKind::removed_executor);
    }
    done.memory_per_executor_mb = record.memory_per_executor_mb;
    done.executor_limit = record.executor_limit;
    done.order = record.order;
    state.completed.push_back(std::move(done));
    return {};
  }

  std::string operator()(const CompletedDriverRecord& record) {
    if (std::string why = other_key("completed_driver_", record.driver_id); !why.empty())
      return why;
    if (state.completed_drivers.size() >= limits::max_completed_drivers)
      return "there are too many completed drivers";
    Driver done;
    done.id = record.driver_id;
    done.main_class = record.main_class;
    done.jar_url = record.jar_url;
    done.state = record.state;
    done.exception = record.exception;
    done.worker_id = record.worker_id;
    done.worker_host_port = record.worker_host_port;
    done.submitted_ms = record.submitted_ms;
    done.started_ms = record.started_ms;
    done.ended_ms = std::max<Millis>(record.ended_ms, 1);
    done.end_order = record.order;
    done.cores = record.cores;
    done.memory_mb = record.memory_mb;
    done.supervise = record.supervise;
    for (const ResourceText& each : record.resources)
      done.resources.emplace_back(
          each.name, std::vector<std::string>(each.addresses.begin(), each.addresses.end()));
    state.feed.join(done, RowKind::driver);
    state.completed_drivers.push_back(std::move(done));
    return {};
  }

 private:
  std::string other_key(Text prefix, Text id) const {
    const std::string wanted = std::string(prefix) + std::string(id);
    return key == wanted ? std::string() : "its key should be " + wanted;
  }
};

}  // namespace

void Core::record(Text key, const StoredRecord& record) {
  if (state.master != MasterState::standby) return damaged_record(key, "this master leads already");
  const std::string why = std::visit(Restorer{*this, key}, record);
  if (!why.empty()) damaged_record(key, why);
}

void Core::damaged_record(Text key, Text reason) {
  notice(NoticeLevel::error, "record.damaged",
         "record " + std::string(key) + " is left out: " + std::string(reason));
}

}  // namespace magneto::core
