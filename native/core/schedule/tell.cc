// What an operator finds in the log about those who wait: each reason once, and another one when it
// has changed. A reason depends on the demand and the set of workers only, never on what is free:
// so an event that changes neither costs nothing here, and no text repeats as executors come and
// go.
#include <algorithm>

#include "core/limits.h"
#include "core/schedule/explain.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

// Walks the workers only if their set has changed since.
const Survey& surveyed(Core& core, Surveyed& memo, const Demand& demand, size_t& walks) {
  if (!memo.survey || memo.generation != core.state.worker_generation) {
    memo.generation = core.state.worker_generation;
    memo.survey = std::make_shared<const Survey>(survey(core.state, demand));
    core.state.workers_surveyed += memo.survey->workers;
    ++walks;
  }
  return *memo.survey;
}

// What is free has changed since the survey, what workers are has not.
Sentences lasting(const Survey& survey, const Demand& demand, const Words& words,
                  const std::string& ask) {
  if (survey.never_fits()) return worker_sentences(survey, demand, words);
  return {
      "all workers that could host " + words.what + " are busy" + unhealthy_clause(survey, words),
      ask};
}

void tell(Core& core, std::string& told, Text code, const std::string& id,
          const Sentences& sentences) {
  if (sentences.reason == told) return;
  told = sentences.reason;
  core.notice(NoticeLevel::warn, code,
              id + " waits: " + sentences.reason + "; " + sentences.advice);
}

// Only who has nothing at all is told of: more is what most applications always want.
bool is_told_of(const Application& application) { return application.executors.empty(); }

void tell_application(Core& core, Application& application, size_t& walks) {
  if (!is_told_of(application)) return;
  for (auto& [id, request] : application.requests) {
    const Limit limit = own_limit(application, request);
    if (limit == Limit::executor_limit) continue;  // it asks for none
    const Words words = words_of(application, request);
    Sentences sentences;
    if (limit == Limit::cores_max) {
      sentences = cores_max_sentences(application, request, words);
    } else {
      const Demand demand = demand_of(application, *request.shape);
      sentences = lasting(surveyed(core, request.shape->surveyed, demand, walks), demand, words,
                          "/api/v1/applications/" + application.id + "/explain says by whom");
    }
    return tell(core, application.waiting_reason, "application.waiting", application.id, sentences);
  }
}

void tell_driver(Core& core, Driver& driver, size_t& walks) {
  Sentences sentences;
  if (drivers_at_limit(core)) {
    sentences = max_drivers_sentences(core.config.max_drivers);
  } else {
    const Demand demand = demand_of(driver);
    sentences = lasting(surveyed(core, driver.shape->surveyed, demand, walks), demand,
                        words_of(driver), "/api/v1/drivers/" + driver.id + "/explain says by whom");
  }
  tell(core, driver.waiting_reason, "driver.waiting", driver.id, sentences);
}

// Drivers are served in the order of submission: the new ones stand at the end.
void tell_new_drivers(Core& core) {
  State& state = core.state;
  size_t walks = 0;
  for (auto at = state.waiting_drivers.lower_bound(state.told_driver_order);
       at != state.waiting_drivers.end(); ++at)
    tell_driver(core, state.drivers[at->second], walks);
  state.told_driver_order = state.next_driver_order;
}

// False: not all could be told again without too many walks; the next turn finds those of this one
// surveyed.
bool retell(Core& core) {
  State& state = core.state;
  size_t walks = 0;
  for (const auto& [order, slot] : state.waiting_drivers) {
    if (walks >= limits::max_surveys_per_retelling) return false;
    tell_driver(core, state.drivers[slot], walks);
  }
  std::vector<Application*> waiting;
  state.applications.each([&](ApplicationSlot slot, const Application& each) {
    if (is_told_of(each)) waiting.push_back(&state.applications[slot]);
  });
  std::sort(waiting.begin(), waiting.end(),
            [](const Application* a, const Application* b) { return a->order < b->order; });
  for (Application* each : waiting) {
    if (walks >= limits::max_surveys_per_retelling) return false;
    tell_application(core, *each, walks);
  }
  return true;
}

// A cluster that starts or loses a rack changes many times in a moment: not each is worth telling.
void retell_when_due(Core& core) {
  State& state = core.state;
  if (state.told_generation == state.worker_generation) return;
  if (state.retell_at_ms == 0) {
    state.retell_at_ms = core.now_ms + limits::retell_after_ms;
    return;
  }
  if (core.now_ms < state.retell_at_ms) return;
  const uint64_t generation = state.worker_generation;
  state.retell_at_ms = 0;
  if (retell(core)) state.told_generation = generation;
}

}  // namespace

void tell_waiting(Core& core) {
  // While many still come back, each would be told of a set of workers that is not there yet.
  if (core.state.master == MasterState::recovering) return core.touched.clear();
  size_t walks = 0;
  tell_new_drivers(core);
  for (const ApplicationSlot slot : core.touched)
    if (core.state.applications.holds(slot))
      tell_application(core, core.state.applications[slot], walks);
  core.touched.clear();
  retell_when_due(core);
}

void tell_started(Core& core, Application& application, const Worker& worker) {
  if (application.waiting_reason.empty()) return;
  application.waiting_reason.clear();
  application.waiting_reason.shrink_to_fit();
  core.notice(NoticeLevel::info, "application.started",
              application.id + " waits no more: an executor starts on " + std::string(worker.id()));
}

}  // namespace magneto::core
