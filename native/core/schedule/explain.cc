// Joins what the workers have (survey.cc) with what else keeps a request or a driver from starting.
#include "core/schedule/explain.h"

#include <algorithm>
#include <set>

#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

Holder& holder(std::map<std::string, Holder>& all, const std::string& id, const Demand& demand) {
  const auto [entry, added] = all.try_emplace(id);
  if (added) {
    entry->second.id = id;
    entry->second.resources.resize(demand.resources.size());
  }
  return entry->second;
}

void add_resources(Holder& to, const Worker& worker, const std::vector<HeldResource>& held,
                   const Demand& demand) {
  for (const HeldResource& each : held)
    for (size_t at = 0; at < demand.resources.size(); ++at)
      if (demand.resources[at].first == worker.resources[each.pool].name)
        to.resources[at] += static_cast<uint32_t>(each.addresses.size());
}

std::vector<Holder> holders_on(const State& state, const Worker& worker, const Demand& demand) {
  std::map<std::string, Holder> all;
  for (const Executor* executor : worker.executors) {
    Holder& to = holder(all, state.applications[executor->application].id, demand);
    to.cores += executor->cores;
    to.memory_mb += executor->memory_mb;
    add_resources(to, worker, executor->resources, demand);
  }
  for (const Driver* driver : worker.drivers) {
    Holder& to = holder(all, driver->id, demand);
    to.cores += driver->cores;
    to.memory_mb += driver->memory_mb;
    add_resources(to, worker, driver->held, demand);
  }
  std::vector<Holder> result;
  for (auto& [id, each] : all) result.push_back(std::move(each));
  return result;
}

// It asks for a number of executors that it has not got, whatever keeps it from them.
bool lacks_some(const Request& request) {
  return request.target != unlimited && request.executors < request.target;
}

bool waits(const Request& request) { return request.wanting || lacks_some(request); }

// It stands in the queue for something that no limit forbids.
bool wants_any(const Application& application) {
  return std::any_of(application.requests.begin(), application.requests.end(),
                     [](const auto& each) { return each.second.wanting; });
}

// How many of them came before it.
size_t before(const std::vector<uint64_t>& orders, uint64_t order) {
  return static_cast<size_t>(std::lower_bound(orders.begin(), orders.end(), order) -
                             orders.begin());
}

}  // namespace

Demand demand_of(const Application& application, const Shape& shape) {
  return {{std::string(application.runtime())}, shape.min_cores, shape.memory_mb, shape.resources};
}

Demand demand_of(const Driver& driver) {
  return {driver.runtimes, driver.cores, driver.memory_mb, driver.resources_asked};
}

Limit own_limit(const Application& application, const Request& request) {
  if (request.executors >= request.target ||
      application.executors.size() >= limits::max_executors_per_application)
    return Limit::executor_limit;
  if (application.cores_left() < std::max(request.cores, 1u)) return Limit::cores_max;
  return Limit::none;
}

bool waits(const Application& application) {
  if (application.executors.empty()) return true;
  return std::any_of(application.requests.begin(), application.requests.end(),
                     [](const auto& each) { return waits(each.second); });
}

bool drivers_at_limit(const Core& core) {
  const State& state = core.state;
  return state.drivers.size() - state.waiting_drivers.size() >= core.config.max_drivers;
}

Explainer::Known& Explainer::know(Demand demand) {
  const auto [entry, added] = known_.try_emplace(std::move(demand));
  if (!added) return *entry;
  if (surveys_ == limits::max_surveys_per_view || workers_visited_ >= most_workers_) {
    entry->second.left_out = true;
    return *entry;
  }
  ++surveys_;
  entry->second.survey = survey(core_.state, entry->first);
  workers_visited_ += entry->second.survey.workers;
  return *entry;
}

const std::vector<Holder>& Explainer::holders(Known& known) {
  auto& [demand, entry] = known;
  if (!entry.has_holders) {
    entry.has_holders = true;
    entry.holders = holders_on(core_.state, *entry.survey.closest.worker, demand);
  }
  return entry.holders;
}

const Explainer::Orders& Explainer::queue() {
  if (queue_) return *queue_;
  Orders& orders = queue_.emplace();
  core_.state.applications.each([&](ApplicationSlot, const Application& each) {
    if (wants_any(each)) orders.push_back(each.order);
  });
  std::sort(orders.begin(), orders.end());
  return orders;
}

const Explainer::Orders& Explainer::queue(const Shape& shape) {
  const auto [entry, added] = shape_queues_.try_emplace(&shape);
  Orders& orders = entry->second;
  if (!added) return orders;
  // Those of one application, which may want some for several profiles, are side by side.
  for (const RequestKey& each : shape.wanting)
    if (orders.empty() || orders.back() != each.order) orders.push_back(each.order);
  return orders;
}

const Explainer::Orders& Explainer::queue(const Drivers& waiting) {
  const auto [entry, added] = driver_queues_.try_emplace(&waiting);
  Orders& orders = entry->second;
  if (!added) return orders;
  for (const auto& [order, driver] : waiting) orders.push_back(order);
  return orders;
}

std::vector<Explanation> Explainer::explain_alone(const Application& application) {
  const State& state = core_.state;
  const bool after_drivers = state.leads() && !drivers_at_limit(core_);
  before_ = after_drivers ? state.waiting_drivers.size() : 0;
  before_ += before(queue(), application.order);
  for (const auto& [id, request] : application.requests) {
    if (!waits(request) && !application.executors.empty()) continue;
    auto& [demand, entry] = know(demand_of(application, *request.shape));
    const auto drivers = state.driver_shapes.find(
        {demand.runtimes, demand.cores, demand.memory_mb, demand.resources});
    entry.asked =
        after_drivers && drivers != state.driver_shapes.end() ? drivers->second.waiting.size() : 0;
    entry.asked += before(queue(*request.shape), application.order);
  }
  return explain(application);
}

Explanation Explainer::explain_alone(const Driver& driver) {
  before_ = before(queue(core_.state.waiting_drivers), driver.order);
  know(demand_of(driver)).second.asked = before(queue(driver.shape->waiting), driver.order);
  return explain(driver);
}

std::vector<Explanation> Explainer::explain(const Application& application) {
  std::vector<Explanation> all;
  for (const auto& [id, request] : application.requests)
    if (waits(request)) all.push_back(explain(application, request));
  if (all.empty() && application.executors.empty())
    all.push_back(explain(application, application.requests.at(application.default_profile_id)));
  std::set<const Demand*> asked;
  for (const Explanation& each : all)
    if (each.limit == Limit::none || each.limit == Limit::earlier) asked.insert(each.demand);
  for (const Demand* each : asked) ++known_.at(*each).asked;
  before_ += asked.empty() ? 0 : 1;
  return all;
}

Explanation Explainer::explain(const Application& application, const Request& request) {
  const Words words = words_of(application, request);
  Known& known = know(demand_of(application, *request.shape));
  Explanation to;
  to.profile_id = request.profile_id;
  if (request.target != unlimited)
    to.wanted = request.target - std::min(request.executors, request.target);
  const bool waits =
      !core_.state.leads() || application.held || application.state == ApplicationState::unknown;
  to.limit = waits ? Limit::master_state : own_limit(application, request);
  Sentences limited;
  if (waits) limited = master_state_sentences(core_.state.master, application.held);
  if (to.limit == Limit::executor_limit)
    limited = executor_limit_sentences(application, request, words);
  if (to.limit == Limit::cores_max) limited = cores_max_sentences(application, request, words);
  say(to, known, words, application.id, limited);
  return to;
}

Explanation Explainer::explain(const Driver& driver) {
  Known& known = know(demand_of(driver));
  Explanation to;
  to.wanted = 1;
  Sentences limited;
  if (!core_.state.leads()) {
    to.limit = Limit::master_state;
    limited = master_state_sentences(core_.state.master, false);
  } else if (drivers_at_limit(core_)) {
    to.limit = Limit::max_drivers;
    limited = max_drivers_sentences(core_.config.max_drivers);
  }
  say(to, known, words_of(driver), driver.id, limited);
  const bool in_turn = to.limit == Limit::none || to.limit == Limit::earlier;
  before_ += in_turn ? 1 : 0;
  known.second.asked += in_turn ? 1 : 0;
  return to;
}

// A limit comes first; what the workers lack is said beside it when lifting it would not be enough.
void Explainer::say(Explanation& to, Known& known, const Words& words, Text own_id,
                    const Sentences& limited) {
  const auto& [demand, entry] = known;
  to.demand = &demand;
  to.survey = &entry.survey;
  Sentences workers;
  if (entry.left_out) {
    workers = left_out_sentences();
  } else if (entry.survey.never_fits()) {
    workers = worker_sentences(entry.survey, demand, words);
  } else if (to.limit == Limit::none) {
    if (entry.asked > 0) to.limit = Limit::earlier;
    workers =
        busy_sentences(entry.survey, demand, words, holders(known), own_id, entry.asked, before_);
  }
  to.reason = limited.reason;
  to.advice = limited.advice;
  if (limited.reason.empty()) {
    to.reason = workers.reason;
    to.advice = workers.advice;
  } else if (to.limit != Limit::master_state && !entry.left_out && !workers.reason.empty()) {
    to.reason += "; besides, " + workers.reason;
    to.advice += "; then " + workers.advice;
  }
}

}  // namespace magneto::core
