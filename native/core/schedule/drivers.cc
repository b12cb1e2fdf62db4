// Which worker each waiting driver gets (A2 to A5, P12).
#include <algorithm>

#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

// splitmix64 (Steele, Lea, Flood 2014): small, and the same on every machine.
uint64_t next_random(State& state) {
  state.random += 0x9e3779b97f4a7c15;
  uint64_t mixed = state.random;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

// Below `count`, which is far below 2^32: no number is favoured by more than count / 2^32.
size_t draw_below(State& state, size_t count) {
  static_assert(limits::max_workers < UINT32_MAX / 1024);
  return static_cast<size_t>(((next_random(state) >> 32) * count) >> 32);
}

// As in requests.cc: `ready_drivers` holds the first of every open shape.
void leave_ready(State& state, DriverShape& shape) {
  if (shape.may_fit && !shape.waiting.empty())
    state.ready_drivers.erase({shape.waiting.begin()->first, &shape});
}

void enter_ready(State& state, DriverShape& shape) {
  if (shape.may_fit && !shape.waiting.empty())
    state.ready_drivers.insert({shape.waiting.begin()->first, &shape});
}

DriverShapeKey key_of(const Driver& driver) {
  return {driver.runtimes, driver.cores, driver.memory_mb, driver.resources_asked};
}

DriverShape& intern_shape(State& state, const Driver& driver) {
  const auto [entry, added] = state.driver_shapes.try_emplace(key_of(driver));
  DriverShape& shape = entry->second;
  if (!added) return shape;
  for (const std::string& name : driver.runtimes)
    shape.runtimes.push_back(&intern_runtime(state, name));
  shape.cores = driver.cores;
  shape.memory_mb = driver.memory_mb;
  shape.resources = driver.resources_asked;
  state.any_may_fit_drivers = true;
  return shape;
}

void block(State& state, DriverShape& shape) {
  MAGNETO_ASSERT(shape.may_fit);
  leave_ready(state, shape);
  shape.may_fit = false;
  for (Runtime* runtime : shape.runtimes) runtime->blocked_drivers.insert({shape.cores, &shape});
}

bool hosts(const Worker& worker, const DriverShape& shape) {
  return std::any_of(shape.runtimes.begin(), shape.runtimes.end(), [&](const Runtime* runtime) {
    return std::find(worker.runtimes->begin(), worker.runtimes->end(), runtime) !=
           worker.runtimes->end();
  });
}

// The workers of one pass, in the order of the setting. What fitted nowhere before can only fit on
// workers that have risen since, so a pass looks at these alone unless something new waits. A
// random order of them is what a random order of all leaves when one strikes out those that fit
// nothing, so the outcome is distributed as Spark's.
class Workers {
 public:
  explicit Workers(Core& core) : core_(core), state_(core.state) {
    if (state_.any_may_fit_drivers) return;
    std::sort(state_.risen.begin(), state_.risen.end());
    state_.risen.erase(std::unique(state_.risen.begin(), state_.risen.end()), state_.risen.end());
    for (const WorkerSlot slot : state_.risen)
      if (state_.workers.holds(slot) && state_.workers[slot].takes_new()) risen_.push_back(slot);
    if (core.config.spread_out_drivers) return;
    std::sort(risen_.begin(), risen_.end(), [&](WorkerSlot a, WorkerSlot b) {
      return state_.workers[a].id() < state_.workers[b].id();
    });
  }

  // Null: it fits nowhere.
  Worker* find(const DriverShape& shape) {
    return core_.config.spread_out_drivers ? next(shape) : first(shape);
  }

 private:
  std::vector<WorkerSlot>& order() {
    return state_.any_may_fit_drivers ? state_.placeable : risen_;
  }

  bool fits_here(const Worker& worker, const DriverShape& shape) {
    ++state_.driver_looks;
    return fits(worker, shape);
  }

  // A3: once around, from behind the worker that was used last. The shuffle is drawn only as far as
  // it is looked at: with W workers of which F fit, about W / (F + 1) looks a placement, and W once
  // for a shape that fits nowhere.
  Worker* next(const DriverShape& shape) {
    const size_t count = order().size();
    for (size_t looks = 0; looks < count; ++looks) {
      Worker& worker = at(position_);
      position_ = position_ + 1 == count ? 0 : position_ + 1;
      if (fits_here(worker, shape)) return &worker;
    }
    return nullptr;
  }

  Worker& at(size_t position) {
    std::vector<WorkerSlot>& all = order();
    MAGNETO_ASSERT(position <= drawn_);
    if (position == drawn_) {
      const size_t other = drawn_ + draw_below(state_, all.size() - drawn_);
      std::swap(all[drawn_], all[other]);
      if (state_.any_may_fit_drivers) {
        state_.workers[all[drawn_]].placeable_position = static_cast<uint32_t>(drawn_);
        state_.workers[all[other]].placeable_position = static_cast<uint32_t>(other);
      }
      ++drawn_;
    }
    return state_.workers[all[position]];
  }

  // A4: as many looks as there are workers with smaller ids that it does not fit on.
  Worker* first(const DriverShape& shape) {
    if (state_.any_may_fit_drivers) {
      for (Worker* worker : state_.workers_by_id)
        if (worker->takes_new() && fits_here(*worker, shape)) return worker;
      return nullptr;
    }
    for (const WorkerSlot slot : risen_)
      if (fits_here(state_.workers[slot], shape)) return &state_.workers[slot];
    return nullptr;
  }

  Core& core_;
  State& state_;
  std::vector<WorkerSlot> risen_;
  size_t position_ = 0;
  size_t drawn_ = 0;
};

void launch(Core& core, Driver& driver, Worker& worker) {
  dequeue_driver(core, driver);
  driver.state = DriverState::running;
  driver.started_ms = core.now_ms;
  driver.worker = worker.slot;
  driver.position = static_cast<uint32_t>(worker.drivers.size());
  driver.launched_on = worker.session;
  driver.worker_id = worker.id();
  driver.worker_host_port = text_of(address_of(worker));
  worker.drivers.push_back(&driver);
  driver.held = occupy(worker, driver.cores, driver.memory_mb, driver.resources_asked);
  driver.resources = holdings(worker, driver.held);
  reindex_worker(core, worker, false);
  persist_driver(core, driver);  // a leader that does not know where it runs would run it twice
  core.send(worker.session, LaunchDriver{driver.id, driver.description, texts(driver.resources)},
            std::max(driver.sequence, worker.sequence));
  core.notice(NoticeLevel::info, "driver.launched", driver.id + " launched on " + driver.worker_id);
}

}  // namespace

bool fits(const Worker& worker, const DriverShape& shape) {
  if (worker.cores_free() < shape.cores || worker.memory_free_mb() < shape.memory_mb) return false;
  if (!hosts(worker, shape)) return false;
  for (const auto& [name, amount] : shape.resources)
    if (resource_free(worker, name) < amount) return false;
  return true;
}

void enqueue_driver(Core& core, Driver& driver) {
  State& state = core.state;
  MAGNETO_ASSERT(driver.state == DriverState::submitted && !driver.shape);
  state.waiting_drivers.emplace(driver.order, driver.slot);
  DriverShape& shape = intern_shape(state, driver);
  driver.shape = &shape;
  driver.changed();
  leave_ready(state, shape);
  shape.waiting.emplace(driver.order, driver.slot);
  enter_ready(state, shape);
}

void dequeue_driver(Core& core, Driver& driver) {
  State& state = core.state;
  DriverShape& shape = *driver.shape;
  leave_ready(state, shape);
  shape.waiting.erase(driver.order);
  enter_ready(state, shape);
  state.waiting_drivers.erase(driver.order);
  driver.shape = nullptr;
  driver.changed();
  if (!shape.waiting.empty()) return;
  for (Runtime* runtime : shape.runtimes) {
    runtime->blocked_drivers.erase({shape.cores, &shape});
    release_runtime(state, *runtime);
  }
  state.driver_shapes.erase(key_of(driver));
}

void open_driver_shapes(State& state, const Worker& worker) {
  if (state.waiting_drivers.empty()) return;
  state.risen.push_back(worker.slot);
  for (const Runtime* runtime : *worker.runtimes) {
    auto at = runtime->blocked_drivers.begin();
    while (at != runtime->blocked_drivers.end() && at->first <= worker.cores_free()) {
      DriverShape& shape = *at->second;
      ++at;
      if (!fits(worker, shape)) continue;
      for (Runtime* each : shape.runtimes) each->blocked_drivers.erase({shape.cores, &shape});
      shape.may_fit = true;
      enter_ready(state, shape);
    }
  }
}

void schedule_drivers(Core& core) {
  State& state = core.state;
  const auto running = [&] { return state.drivers.size() - state.waiting_drivers.size(); };
  if (!state.ready_drivers.empty() && running() < core.config.max_drivers) {
    Workers workers(core);
    while (!state.ready_drivers.empty() && running() < core.config.max_drivers) {
      DriverShape& shape = *state.ready_drivers.begin()->second;
      Driver& driver = state.drivers[shape.waiting.begin()->second];
      Worker* worker = workers.find(shape);
      if (worker) {
        launch(core, driver, *worker);
        continue;
      }
      block(state, shape);
    }
  }
  // A5: at the limit what is open stays so, and is to be compared with all when its turn comes.
  state.any_may_fit_drivers = !state.ready_drivers.empty();
  state.risen.clear();
}

}  // namespace magneto::core
