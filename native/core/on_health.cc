// Workers that say that they are not well: they keep what they run and get nothing new.
#include "core/core.h"
#include "core/limits.h"
#include "core/schedule/schedule.h"

namespace magneto::core {

namespace {

// Not within a character of UTF-8.
Text cut(Text text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

void fall_ill(Core& core, Worker& worker, Text report) {
  if (worker.takes_new()) {
    unindex_worker(worker);
    delist_worker(core.state, worker);
  }
  worker.healthy = false;
  core.notice(NoticeLevel::warn, "worker.unhealthy",
              std::string(worker.id()) + " is unhealthy and gets nothing new: " +
                  std::string(report) + "; its " + std::to_string(worker.executors.size()) +
                  " executors and " + std::to_string(worker.drivers.size()) + " drivers go on");
}

}  // namespace

void forget_health(Core& core, Worker& worker) {
  if (worker.healthy) return;
  core.state.unhealthy.erase(worker.slot);
  worker.healthy = true;
  worker.changed();
  ++core.state.worker_generation;
  if (!worker.takes_new()) return;
  enlist_worker(core.state, worker);
  reindex_worker(core, worker, true);
}

void set_health(Core& core, Worker& worker, Text said) {
  if (said.empty()) {
    if (worker.healthy) return;
    core.notice(NoticeLevel::info, "worker.healthy",
                std::string(worker.id()) + " is healthy again");
    return forget_health(core, worker);
  }
  State& state = core.state;
  const Text report = cut(said, limits::max_health_report_bytes);
  const auto [entry, added] = state.unhealthy.try_emplace(worker.slot, report);
  if (!added && entry->second == report) return;
  entry->second = report;
  worker.changed();
  ++state.worker_generation;
  if (added) return fall_ill(core, worker, report);
  core.notice(NoticeLevel::info, "worker.unhealthy",
              std::string(worker.id()) + " is still unhealthy: " + std::string(report));
}

void on_worker_health(Core& core, Session session, const WorkerHealth& message) {
  const Worker* const known = core.state.find_worker(message.worker_id);
  // Dropped in between: it says so again when it has registered again.
  if (!known || known->state == WorkerState::dead) return;
  // One that has still to say what it runs may say this first, so that nothing starts there.
  const bool unbound =
      known->state == WorkerState::unknown && core.session(session)->role == Role::none;
  Worker* const worker = unbound ? core.state.find_worker(message.worker_id)
                                 : own_worker(core, session, message.worker_id);
  if (!worker) return;
  if (message.healthy) return set_health(core, *worker, {});
  set_health(core, *worker, message.report.empty() ? "it does not say why" : message.report);
}

}  // namespace magneto::core
