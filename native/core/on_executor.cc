#include <algorithm>

#include "core/core.h"
#include "core/limits.h"
#include "core/lists.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

struct Found {
  Application* application = nullptr;
  Executor* executor = nullptr;
};

Found find(Core& core, Text app_id, uint32_t executor_id) {
  const auto known = core.state.application_by_id.find(app_id);
  if (known == core.state.application_by_id.end()) return {};
  Application& application = core.state.applications[known->second];
  for (auto* executors : {&application.executors, &application.decommissioned}) {
    const auto entry = executors->find(executor_id);
    if (entry != executors->end()) return {&application, &entry->second};
  }
  return {};
}

std::string name_of(Text app_id, uint32_t executor_id) {
  return std::string(app_id) + "/" + std::to_string(executor_id);
}

// A21: too many failures with nothing running end the application.
void count_failure(Core& core, Application& application) {
  ++application.retries;
  const int64_t most = core.config.max_executor_retries;
  if (most < 0 || application.retries < most || application.executors_running > 0) return;
  core.notice(NoticeLevel::error, "application.failed",
              application.id + " failed: " + std::to_string(application.retries) +
                  " executors in a row ended without success (spark.deploy.maxExecutorRetries)");
  remove_application(core, application, ApplicationState::failed);
}

// S6: RUNNING only from LAUNCHING; a worker never reports LAUNCHING or DECOMMISSIONED.
bool legal(const Executor& executor, ExecutorState next) {
  if (next == ExecutorState::running) return executor.state == ExecutorState::launching;
  return is_finished(next);
}

std::optional<Text> forwarded(std::optional<Text> message) {
  return message ? message->substr(0, limits::max_forwarded_text_bytes) : message;
}

}  // namespace

void on_executor_state_changed(Core& core, Session session, const ExecutorStateChanged& message) {
  if (core.session(session)->role != Role::worker) {
    // One of Apache's that recovery gave up goes on reporting until it has registered again.
    if (was_given_up(core, session)) return core.send(session, Reply{message.request_id, true, {}});
    return core.violation(session, "only a registered worker may report executor states");
  }
  const auto [application, executor] = find(core, message.app_id, message.executor_id);
  // L10: unknown ones are ordinary, after a kill or the end of the application; still answered.
  if (!executor) {
    const WorkerSlot slot = core.session(session)->worker();
    const State& state = core.state;
    on_missed_end(core, state.workers.holds(slot) ? &state.workers[slot] : nullptr, message);
    return core.send(session, Reply{message.request_id, true, {}});
  }
  if (core.state.workers[executor->worker].session != session)
    return core.violation(session, "executor " + name_of(message.app_id, message.executor_id) +
                                       " is not on this session's worker");
  // Told again: the first answer was lost, or the worker's latest state came before it.
  if (message.state == executor->state)
    return core.send(session, Reply{message.request_id, true, {}});
  if (!legal(*executor, message.state)) {
    core.notice(NoticeLevel::warn, "executor.state",
                name_of(message.app_id, message.executor_id) +
                    " reported a state that can't follow the one it has; ignored");
    return core.send(session, Reply{message.request_id, true, {}});
  }
  // D5: its application was told when it was decommissioned, and counts no failure.
  if (executor->state == ExecutorState::decommissioned) {
    end_decommissioned(core, *application, message.executor_id);
    return core.send(session, Reply{message.request_id, true, {}});
  }
  if (message.state == ExecutorState::running) {
    executor_runs(core, *application, *executor, message.message);
    return core.send(session, Reply{message.request_id, true, {}});
  }
  change_state(*application, *executor, message.state);
  core.send(
      application->session,
      ExecutorUpdated{
          message.executor_id, message.state, forwarded(message.message), message.exit_status, {}});
  core.send(session, Reply{message.request_id, true, {}});
  release_from_worker(core, *executor);
  retire_executor(core, *application, message.executor_id);
  if (message.exit_status != 0) count_failure(core, *application);
}

void executor_runs(Core& core, Application& application, Executor& executor,
                   std::optional<Text> message) {
  change_state(application, executor, ExecutorState::running);
  application.retries = 0;
  core.send(application.session,
            ExecutorUpdated{executor.id, executor.state, forwarded(message), {}, {}});
}

void change_state(Application& application, Executor& executor, ExecutorState state) {
  if (executor.state == ExecutorState::running) --application.executors_running;
  if (state == ExecutorState::running) ++application.executors_running;
  executor.state = state;
  executor.changed();
}

void release_from_worker(Core& core, Executor& executor) {
  Worker& worker = core.state.workers[executor.worker];
  take_out(worker.executors, executor);
  vacate(core, worker, executor.cores, executor.memory_mb, executor.resources);
}

PastExecutor past(const Core& core, const Executor& executor) {
  const Worker& worker = core.state.workers[executor.worker];
  return {{},
          executor.id,
          std::string(worker.id()),
          executor.profile_id,
          executor.cores,
          executor.memory_mb,
          executor.state,
          holdings(worker, executor.resources),
          core.state.applications[executor.application].number()};
}

void retire_executor(Core& core, Application& application, uint32_t executor_id) {
  const auto entry = application.executors.find(executor_id);
  MAGNETO_ASSERT(entry != application.executors.end());
  Executor& executor = entry->second;
  const uint32_t order = application.removed.empty() ? 0 : application.removed.back().order + 1;
  application.removed.push_back(past(core, executor));
  application.removed.back().order = order;
  executor.continue_as(application.removed.back(), RowKind::removed_executor);
  if (application.removed.size() > limits::max_removed_executors_per_application)
    application.removed.pop_front();
  MAGNETO_ASSERT(application.cores_granted >= executor.cores);
  application.cores_granted -= executor.cores;
  Request& request = application.requests.at(executor.profile_id);
  MAGNETO_ASSERT(request.executors > 0);
  --request.executors;
  if (executor.state == ExecutorState::decommissioned)
    application.decommissioned.insert(application.executors.extract(entry));
  else
    application.executors.erase(entry);
  refresh_requests(core, application);
  core.touched.push_back(application.slot);
}

void end_decommissioned(Core& core, Application& application, uint32_t executor_id) {
  const auto entry = application.decommissioned.find(executor_id);
  MAGNETO_ASSERT(entry != application.decommissioned.end());
  release_from_worker(core, entry->second);
  application.decommissioned.erase(entry);
}

}  // namespace magneto::core
