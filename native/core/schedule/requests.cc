#include <algorithm>

#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

RequestKey key_of(const Application& application, const Request& request) {
  return {application.order, request.profile_id, application.slot};
}

// `ready` holds the first wanting request of every shape that may fit. Call before and after a
// change.
void leave_ready(State& state, Shape& shape) {
  if (shape.may_fit && !shape.wanting.empty()) state.ready.erase({*shape.wanting.begin(), &shape});
}

void enter_ready(State& state, Shape& shape) {
  if (shape.may_fit && !shape.wanting.empty()) state.ready.insert({*shape.wanting.begin(), &shape});
}

Shape& intern_shape(State& state, const Application& application, const Request& request,
                    const ResourceAmounts& resources) {
  const ShapeKey key{std::string(application.runtime()), std::max(request.cores, 1u),
                     request.memory_mb, resources};
  const auto [entry, added] = state.shapes.try_emplace(key);
  Shape& shape = entry->second;
  if (added) {
    shape.runtime = &intern_runtime(state, application.runtime());
    shape.min_cores = key.min_cores;
    shape.memory_mb = key.memory_mb;
    shape.resources = resources;
  }
  ++shape.references;
  return shape;
}

void release_shape(State& state, Shape& shape) {
  MAGNETO_ASSERT(shape.references > 0);
  if (--shape.references > 0) return;
  MAGNETO_ASSERT(shape.wanting.empty());
  Runtime& runtime = *shape.runtime;
  runtime.blocked.erase({shape.min_cores, &shape});
  state.shapes.erase({runtime.name, shape.min_cores, shape.memory_mb, shape.resources});
  release_runtime(state, runtime);
}

void set_wanting(State& state, const Application& application, Request& request, bool wanting) {
  if (request.wanting == wanting) return;
  request.wanting = wanting;
  Shape& shape = *request.shape;
  leave_ready(state, shape);
  if (wanting)
    shape.wanting.insert(key_of(application, request));
  else
    shape.wanting.erase(key_of(application, request));
  enter_ready(state, shape);
}

}  // namespace

bool wants(const Application& application, const Request& request) {
  const uint32_t chunk = std::max(request.cores, 1u);
  if (application.held || application.state == ApplicationState::unknown) return false;
  return application.cores_left() >= chunk  // A9
         && request.executors < request.target &&
         application.executors.size() < limits::max_executors_per_application;
}

void add_request(Core& core, Application& application, const ProfileText& profile,
                 uint32_t target) {
  const auto [entry, added] = application.requests.try_emplace(profile.id);
  MAGNETO_ASSERT(added);
  Request& request = entry->second;
  request.profile_id = profile.id;
  request.cores = profile.cores;
  request.memory_mb = profile.memory_mb;
  request.target = target;
  request.shape = &intern_shape(core.state, application, request, profile.resources);
}

void drop_requests(Core& core, Application& application) {
  for (auto& [id, request] : application.requests) {
    set_wanting(core.state, application, request, false);
    release_shape(core.state, *request.shape);
  }
  application.requests.clear();
}

namespace {

// Executors of it that nobody has reported yet could make it more than it may have.
bool is_limited(const Core& core, const Application& application) {
  if (application.max_cores || core.config.default_cores < no_default_cores) return true;
  return std::any_of(application.requests.begin(), application.requests.end(),
                     [](const auto& each) { return each.second.target != unlimited; });
}

}  // namespace

void refresh_requests(Core& core, Application& application) {
  application.changed();
  application.held =
      application.recovered && core.state.recovery.holding && is_limited(core, application);
  for (auto& [id, request] : application.requests)
    set_wanting(core.state, application, request, wants(application, request));
}

void block_shape(State& state, Shape& shape) {
  MAGNETO_ASSERT(shape.may_fit);
  leave_ready(state, shape);
  shape.may_fit = false;
  shape.runtime->blocked.insert({shape.min_cores, &shape});
}

// Lives here and not in index.cc: it is about which shapes are worth a try.
static void unblock_shapes(State& state, const Worker& worker, Runtime& runtime) {
  auto at = runtime.blocked.begin();
  while (at != runtime.blocked.end() && at->first <= worker.cores_free()) {
    Shape& shape = *at->second;
    if (!fits(worker, shape)) {
      ++at;
      continue;
    }
    at = runtime.blocked.erase(at);
    shape.may_fit = true;
    enter_ready(state, shape);
  }
}

void reindex_worker(Core& core, Worker& worker, bool risen) {
  unindex_worker(worker);
  if (!worker.takes_new()) return;
  if (risen) open_driver_shapes(core.state, worker);
  if (worker.cores_free() == 0) return;
  worker.index_key = index_key(worker, core.config.selection_policy);
  worker.indexed = true;
  for (Runtime* runtime : *worker.runtimes) {
    runtime->candidates.insert({worker.index_key, &worker});
    if (risen) unblock_shapes(core.state, worker, *runtime);
  }
}

}  // namespace magneto::core
