#include <algorithm>
#include <charconv>

#include "core/core.h"
#include "core/limits.h"
#include "core/lists.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

const char* name_of(ApplicationState state) {
  switch (state) {
    case ApplicationState::failed:
      return "FAILED";
    case ApplicationState::killed:
      return "KILLED";
    default:
      return "FINISHED";
  }
}

// Empty when the application may register, else why not.
std::string refusal(const Core& core, const RegisterApplication& message) {
  if (core.state.applications.size() >= limits::max_applications)
    return "the master has " + std::to_string(limits::max_applications) +
           " applications, its limit";
  if (!message.driver_address.empty() &&
      core.state.application_by_driver.contains(message.driver_address))
    return "an application of the driver at " + std::string(message.driver_address) +
           " is registered over another connection; end it or use another driver port";
  return {};
}

bool id_is_taken(const State& state, Text id) {
  if (state.application_by_id.contains(id)) return true;
  return std::any_of(state.completed.begin(), state.completed.end(),
                     [&](const CompletedApplication& each) { return each.application.id == id; });
}

struct NewId {
  std::string id;  // empty: there is none, and `why` says so
  std::string why;
};

// P29, Y3: the name in lower case without white space, if that is an id and nobody has it. Letters
// beyond ASCII stay as they are.
NewId id_from_name(const State& state, Text name) {
  std::string id;
  for (const char c : name) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) continue;
    id += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const auto unusable = [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '/' || c == '\\' || c == 0x7f;
  };
  const std::string setting = " (spark.master.useAppNameAsAppId.enabled)";
  if (id.empty() || id == "." || id == ".." || id.size() > limits::max_id_bytes ||
      std::any_of(id.begin(), id.end(), unusable))
    return {{},
            "its name can't be its id: 1 to " + std::to_string(limits::max_id_bytes) +
                " bytes without slashes and control characters are needed" + setting};
  if (id_is_taken(state, id))
    return {{},
            "an application with the id " + id +
                " runs or is among the completed ones: give this one another name" + setting};
  return {id, {}};
}

// P16, P17. Without a modulo numbers only grow, so a free one comes.
NewId id_from_pattern(Core& core) {
  const uint32_t modulo = core.config.app_number_modulo;
  const Millis local_ms = core.now_ms + Millis{core.utc_offset_minutes} * 60'000;
  for (uint64_t tries = 0; modulo == 0 || tries < modulo; ++tries) {
    uint64_t& number = core.state.next_application_number;
    std::string id = format_id(core.config.app_id_pattern, local_ms, number++);
    if (modulo != 0) number %= modulo;
    if (!id_is_taken(core.state, id)) return {std::move(id), {}};
  }
  return {{},
          "all " + std::to_string(modulo) +
              " ids are taken by running and completed applications "
              "(spark.deploy.appNumberModulo): put the time, %s, into spark.deploy.appIdPattern"};
}

NewId new_id(Core& core, Text name) {
  return core.config.use_app_name_as_app_id ? id_from_name(core.state, name)
                                            : id_from_pattern(core);
}

// A20: memory and cores fall back to the default profile, custom resources do not.
ProfileText resolved(const ProfileText& profile, const Request& defaults) {
  ProfileText result = profile;
  if (result.cores == 0) result.cores = defaults.cores;
  if (result.memory_mb == 0) result.memory_mb = defaults.memory_mb;
  return result;
}

// A driver that registers anew has nothing to do with what it had before (H9).
void remove_unknown_of(Core& core, Text driver_address) {
  if (driver_address.empty()) return;
  const auto known = core.state.application_by_driver.find(driver_address);
  if (known == core.state.application_by_driver.end()) return;
  Application& application = core.state.applications[known->second];
  if (application.state == ApplicationState::unknown)
    remove_application(core, application, ApplicationState::finished);
}

// An application session speaks for its own application only; null when it does not.
Application* own_application(Core& core, Session session, Text id) {
  const SessionState& peer = *core.session(session);
  if (peer.role != Role::application) return nullptr;
  Application& own = core.state.applications[peer.application()];
  return own.id == id ? &own : nullptr;
}

// A16, A17: an id nobody has is answered with false; somebody else's closes the session.
Application* asked_for(Core& core, Session session, Text app_id, uint32_t request_id) {
  Application* own = own_application(core, session, app_id);
  if (own) return own;
  if (core.state.application_by_id.contains(app_id))
    core.violation(session, "this session is not registered as " + std::string(app_id));
  else
    core.send(session, Reply{request_id, false, "unknown application"});
  return nullptr;
}

void kill_executor(Core& core, Application& application, Executor& executor) {
  const Worker& worker = core.state.workers[executor.worker];
  core.send(worker.session, KillExecutor{application.id, executor.id}, application.sequence);
  change_state(application, executor, ExecutorState::killed);
  release_from_worker(core, executor);
}

// One that it no longer has, on a worker that is leaving.
void kill_decommissioned(Core& core, Application& application, uint32_t id) {
  const Worker& worker = core.state.workers[application.decommissioned.at(id).worker];
  core.send(worker.session, KillExecutor{application.id, id}, application.sequence);
  end_decommissioned(core, application, id);
}

// What the history has of it, before anything is given back.
CompletedApplication summary(const Core& core, Application& application) {
  CompletedApplication done;
  const Request& defaults = application.requests.at(application.default_profile_id);
  done.memory_per_executor_mb = defaults.memory_mb;
  done.executor_limit = defaults.target;
  for (auto& [id, executor] : application.executors) {
    if (done.executors.size() == limits::max_removed_executors_per_application) break;
    done.executors.push_back(past(core, executor));
    done.executors.back().state = ExecutorState::killed;
    executor.continue_as(done.executors.back(), RowKind::last_executor);
  }
  return done;
}

void give_back(Core& core, Application& application) {
  for (auto& [id, executor] : application.executors) kill_executor(core, application, executor);
  while (!application.decommissioned.empty())
    kill_decommissioned(core, application, application.decommissioned.begin()->first);
  drop_requests(core, application);
  application.executors.clear();
  application.description = {};
  application.spark_description = {};
  application.reconciliation.reset();
}

// Workers that may have something of it, in the order of their slots: those that were to run it,
// and those that came after it, since they may have been lost and forgotten before. What ran where
// under the leader before is not known.
std::vector<WorkerSlot> workers_with_traces(const State& state, const Application& application) {
  std::vector<WorkerSlot> all;
  for (const WorkerSlot slot : application.hosts)
    if (state.workers.holds(slot) && state.workers[slot].is_known()) all.push_back(slot);
  if (application.recovered || state.newest_worker_order > application.order)
    state.by_heartbeat.each([&](const Worker& worker) {
      if (application.recovered || worker.first_order > application.order)
        all.push_back(worker.slot);
    });
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

Application& add_application(Core& core, const RegisterApplication& message, std::string id) {
  State& state = core.state;
  const ApplicationSlot slot = state.applications.add();
  Application& application = state.applications[slot];
  application.slot = slot;
  state.feed.join(application, RowKind::application);
  application.id = std::move(id);
  application.texts = TextBlock<6>({message.name, message.user, message.ui_url, message.runtime,
                                    message.driver_address, message.endpoint});
  application.description.assign(message.description.begin(), message.description.end());
  application.spark_description.assign(message.spark_description.begin(),
                                       message.spark_description.end());
  application.max_cores = message.max_cores;
  application.default_profile_id = message.default_profile.id;
  application.default_resources = message.default_profile.resources;
  application.cores_max = message.max_cores.value_or(core.config.default_cores);  // P14
  state.application_by_id.emplace(application.id, slot);
  if (!application.driver_address().empty())
    state.application_by_driver.emplace(application.driver_address(), slot);
  ProfileText profile = message.default_profile;
  if (profile.memory_mb == 0) profile.memory_mb = limits::default_executor_memory_mb;
  add_request(core, application, profile, message.initial_executor_limit.value_or(unlimited));
  return application;
}

void on_register_application(Core& core, Session session, const RegisterApplication& message) {
  const SessionState& peer = *core.session(session);
  if (peer.role == Role::worker)
    return core.violation(session, "this session is registered as a worker already");
  if (peer.role == Role::application) {  // L1, Y4: the same id, not a fresh one
    const Application& own = core.state.applications[peer.application()];
    if (own.driver_address() != message.driver_address)
      return core.violation(session, "this session has registered another application already");
    return core.send(session, ApplicationRegistered{own.id, core.state.epoch}, own.sequence);
  }
  remove_unknown_of(core, message.driver_address);
  std::string why = refusal(core, message);
  NewId given;
  if (why.empty()) {
    given = new_id(core, message.name);
    why = given.why;
  }
  if (!why.empty()) {
    core.notice(NoticeLevel::warn, "application.refused",
                "application " + std::string(message.name) + " refused: " + why);
    return core.refuse(session, why);
  }
  Application& application = add_application(core, message, std::move(given.id));
  application.submitted_ms = core.now_ms;
  application.order = core.state.next_application_order++;
  application.session = session;
  core.session(session)->become(application.slot);
  persist_counters(core);
  persist_application(core, application);
  core.send(session, ApplicationRegistered{application.id, core.state.epoch}, application.sequence);
  core.notice(NoticeLevel::info, "application.registered",
              application.id + " (" + std::string(application.name()) + ") registered");
  refresh_requests(core, application);
  core.touched.push_back(application.slot);
}

void on_unregister_application(Core& core, Session session, const UnregisterApplication& message) {
  if (Application* own = own_application(core, session, message.app_id))
    remove_application(core, *own, ApplicationState::finished);
  else if (core.state.application_by_id.contains(message.app_id))
    core.violation(session, "this session is not registered as " + std::string(message.app_id));
}

void on_request_executors(Core& core, Session session, const RequestExecutors& message) {
  Application* application = asked_for(core, session, message.app_id, message.request_id);
  if (!application) return;
  size_t added = 0;
  bool changes = false;
  for (const auto& [profile, total] : message.targets) {
    const auto known = application->requests.find(profile.id);
    if (known == application->requests.end()) ++added;
    changes = changes || known == application->requests.end() || known->second.target != total;
  }
  if (application->requests.size() + added > limits::max_profiles_per_application)
    return core.send(session, Reply{message.request_id, false, "too many resource profiles"});
  for (const auto& [profile, total] : message.targets) {
    const auto known = application->requests.find(profile.id);
    if (known != application->requests.end())
      known->second.target = total;
    else
      add_request(core, *application,
                  resolved(profile, application->requests.at(application->default_profile_id)),
                  total);
  }
  if (changes) persist_targets(core, *application);
  refresh_requests(core, *application);
  core.touched.push_back(application->slot);
  core.send(session, Reply{message.request_id, true, {}}, changes ? application->sequence : 0);
}

void on_kill_executors(Core& core, Session session, const KillExecutors& message) {
  Application* application = asked_for(core, session, message.app_id, message.request_id);
  if (!application) return;
  for (const Text text : message.executor_ids) {
    uint32_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size()) continue;  // A17
    const auto entry = application->executors.find(id);
    if (entry != application->executors.end()) {
      kill_executor(core, *application, entry->second);
      retire_executor(core, *application, id);
    } else if (application->decommissioned.contains(id)) {
      kill_decommissioned(core, *application, id);
    } else {
      kill_unreported(core, *application, id);
    }
  }
  core.send(session, Reply{message.request_id, true, {}});
}

void on_kill_application(Core& core, Session session, const KillApplication& message) {
  const auto known = core.state.application_by_id.find(message.app_id);
  if (known == core.state.application_by_id.end())
    return core.send(session, Reply{message.request_id, false, "no such running application"});
  const uint64_t sequence =
      remove_application(core, core.state.applications[known->second], ApplicationState::killed);
  core.send(session, Reply{message.request_id, true, {}}, sequence);
}

uint64_t remove_application(Core& core, Application& application, ApplicationState end) {
  State& state = core.state;
  const Session session = application.session;
  const std::string id = application.id;
  if (application.state == ApplicationState::unknown) --state.recovery.unknown_applications;
  CompletedApplication done = summary(core, application);
  done.order = state.next_end_order++;
  application.state = end;
  application.ended_ms = core.now_ms;
  // Nobody is told before it is on disk: else it could come back with the next leader.
  const uint64_t sequence = persist_end(core, application, done);
  application.sequence = std::max(application.sequence, sequence);
  give_back(core, application);
  state.application_by_id.erase(id);
  if (!application.driver_address().empty())
    state.application_by_driver.erase(application.driver_address());
  if (SessionState* peer = core.session(session); peer && peer->role == Role::application)
    peer->role = Role::none;
  if (end != ApplicationState::finished)
    core.send(session, ApplicationRemoved{name_of(end)}, sequence);
  core.notice(NoticeLevel::info, "application.ended", id + " ended: " + name_of(end));
  const std::vector<WorkerSlot> with_traces = workers_with_traces(state, application);
  application.hosts = {};
  application.continue_as(done, RowKind::completed_application);
  done.application = std::move(application);
  state.applications.remove(done.application.slot);
  retain(state.completed, std::move(done),
         std::min<size_t>(core.config.retained_applications, limits::max_completed_applications),
         [&](const CompletedApplication& oldest) { forget_completed(core, oldest); });
  schedule(core);  // L3: what became free is given away before the workers clean up
  for (const WorkerSlot slot : with_traces)
    core.send(state.workers[slot].session, ApplicationFinished{id}, sequence);
  return sequence;
}

}  // namespace magneto::core
