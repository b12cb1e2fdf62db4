#include "codec/changes.h"

#include <stdexcept>

#include "codec/rows.h"
#include "core/limits.h"
#include "core/schedule/explain.h"

namespace magneto::codec {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

double number_of(const core::Row& row) { return static_cast<double>(row.number()); }

class ChangesWriter {
 public:
  explicit ChangesWriter(core::Core& core) : core_(core), state_(core.state) {}

  std::vector<uint8_t> write(const std::string& master_url, core::Millis now_ms, bool anew,
                             size_t most_bytes) {
    const auto cluster = write_cluster(builder_, state_, master_url, now_ms, {});
    anew = state_.feed.listen(anew);
    const bool more = !take(most_bytes);
    const auto removed = builder_.CreateVector(removed_);
    const auto workers = builder_.CreateVector(workers_);
    const auto heartbeats = builder_.CreateVectorOfStructs(heartbeats_);
    const auto applications = builder_.CreateVector(applications_);
    const auto executors = builder_.CreateVector(executors_);
    const auto drivers = builder_.CreateVector(drivers_);
    builder_.Finish(view::CreateChanges(builder_, cluster, anew, more, removed, workers, heartbeats,
                                        applications, executors, drivers));
    return {builder_.GetBufferPointer(), builder_.GetBufferPointer() + builder_.GetSize()};
  }

 private:
  // True: there is none left.
  bool take(size_t most_bytes) {
    core::Feed& feed = state_.feed;
    for (uint64_t number = 0;;) {
      if (bytes() >= most_bytes) return false;
      if (!feed.take_removed(number)) break;
      removed_.push_back(static_cast<double>(number));
    }
    for (;;) {
      if (bytes() >= most_bytes) return false;
      core::Row* const row = feed.take_changed();
      if (!row) break;
      add(*row);
    }
    for (;;) {
      if (bytes() >= most_bytes) return false;
      const core::Row* const row = feed.take_heard();
      if (!row) return true;
      heartbeats_.emplace_back(number_of(*row),
                               static_cast<const core::Worker&>(*row).last_heartbeat_ms);
    }
  }

  size_t bytes() const {
    return builder_.GetSize() + removed_.size() * sizeof(double) +
           heartbeats_.size() * sizeof(view::Heartbeat);
  }

  void add(const core::Row& row) {
    switch (row.kind()) {
      case core::RowKind::worker:
        return worker(static_cast<const core::Worker&>(row));
      case core::RowKind::application:
        return application(static_cast<const core::Application&>(row));
      case core::RowKind::completed_application:
        return completed(static_cast<const core::CompletedApplication&>(row));
      case core::RowKind::executor: {
        const core::PastExecutor now = past(core_, static_cast<const core::Executor&>(row));
        return executor(row, now, view::ExecutorPlace::LIVE);
      }
      case core::RowKind::removed_executor:
        return executor(row, static_cast<const core::PastExecutor&>(row),
                        view::ExecutorPlace::REMOVED);
      case core::RowKind::last_executor:
        return executor(row, static_cast<const core::PastExecutor&>(row),
                        view::ExecutorPlace::LAST);
      case core::RowKind::driver:
        return driver(static_cast<const core::Driver&>(row));
    }
  }

  void worker(const core::Worker& from) {
    const auto row = write_worker(builder_, state_, from);
    workers_.push_back(view::CreateWorkerRow(builder_, number_of(from), row));
  }

  void application(const core::Application& from) {
    const core::Request& defaults = from.requests.at(from.default_profile_id);
    const auto row =
        write_application(builder_, from, {defaults.memory_mb, defaults.target, {}, {}, {}});
    applications_.push_back(
        view::CreateApplicationRow(builder_, number_of(from), from.order, false, waits(from),
                                   static_cast<uint32_t>(from.executors.size()), row));
  }

  void completed(const core::CompletedApplication& from) {
    const auto row = write_application(
        builder_, from.application, {from.memory_per_executor_mb, from.executor_limit, {}, {}, {}});
    applications_.push_back(
        view::CreateApplicationRow(builder_, number_of(from), from.order, true, false,
                                   static_cast<uint32_t>(from.executors.size()), row));
  }

  void executor(const core::Row& row, const core::PastExecutor& from, view::ExecutorPlace place) {
    const auto table = write_executor(builder_, from);
    executors_.push_back(view::CreateExecutorRow(
        builder_, number_of(row), static_cast<double>(from.application), place, from.order, table));
  }

  void driver(const core::Driver& from) {
    const bool completed = !from.slot.valid();
    const auto row = write_driver(builder_, from, {});
    drivers_.push_back(view::CreateDriverRow(builder_, number_of(from),
                                             completed ? from.end_order : from.order, completed,
                                             from.shape != nullptr, row));
  }

  const core::Core& core_;
  core::State& state_;
  FlatBufferBuilder builder_;
  std::vector<double> removed_;
  std::vector<view::Heartbeat> heartbeats_;
  std::vector<Offset<view::WorkerRow>> workers_;
  std::vector<Offset<view::ApplicationRow>> applications_;
  std::vector<Offset<view::ExecutorRow>> executors_;
  std::vector<Offset<view::DriverRow>> drivers_;
};

using Ids = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

size_t count(const Ids* ids) { return ids ? ids->size() : 0; }

const view::ExplainRequest& verified(std::span<const uint8_t> bytes) {
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  if (!verifier.VerifyBuffer<view::ExplainRequest>(nullptr))
    throw std::invalid_argument("no ExplainRequest");
  const auto& request = *flatbuffers::GetRoot<view::ExplainRequest>(bytes.data());
  if (count(request.application_ids()) + count(request.driver_ids()) > core::limits::max_explained)
    throw std::invalid_argument("an ExplainRequest for more than " +
                                std::to_string(core::limits::max_explained));
  return request;
}

class ExplanationWriter {
 public:
  explicit ExplanationWriter(const core::Core& core)
      : state_(core.state), explainer_(core, core::limits::max_workers_surveyed_per_request) {}

  std::vector<uint8_t> write(const view::ExplainRequest& request) {
    // As in the queue: when not all can be explained, it is the last that are left out.
    const auto drivers = all(request.driver_ids(), [this](core::Text id) { return driver(id); });
    const auto applications =
        all(request.application_ids(), [this](core::Text id) { return application(id); });
    builder_.Finish(view::CreateExplainAnswer(builder_, applications, drivers));
    return {builder_.GetBufferPointer(), builder_.GetBufferPointer() + builder_.GetSize()};
  }

 private:
  template <class One>
  Tables<view::Explained> all(const Ids* ids, One one) {
    std::vector<Offset<view::Explained>> found;
    for (size_t at = 0; at < count(ids); ++at) {
      const auto explained = one(ids->Get(static_cast<flatbuffers::uoffset_t>(at))->string_view());
      if (explained.o != 0) found.push_back(explained);
    }
    return builder_.CreateVector(found);
  }

  Offset<view::Explained> explained(core::Text id,
                                    const std::vector<Offset<view::Explanation>>& why) {
    const auto text = builder_.CreateString(id);
    return view::CreateExplained(builder_, text, builder_.CreateVector(why));
  }

  Offset<view::Explained> application(core::Text id) {
    const auto known = state_.application_by_id.find(id);
    std::vector<Offset<view::Explanation>> why;
    if (known == state_.application_by_id.end()) return 0;
    for (const core::Explanation& each :
         explainer_.explain_alone(state_.applications[known->second]))
      why.push_back(write_explanation(builder_, each));
    return explained(id, why);
  }

  Offset<view::Explained> driver(core::Text id) {
    const auto known = state_.driver_by_id.find(id);
    if (known == state_.driver_by_id.end()) return 0;
    const core::Driver& from = state_.drivers[known->second];
    std::vector<Offset<view::Explanation>> why;
    if (from.shape) why.push_back(write_explanation(builder_, explainer_.explain_alone(from)));
    return explained(id, why);
  }

  const core::State& state_;
  core::Explainer explainer_;
  FlatBufferBuilder builder_;
};

}  // namespace

std::vector<uint8_t> write_changes(core::Core& core, const std::string& master_url,
                                   core::Millis now_ms, bool anew, size_t most_bytes) {
  return ChangesWriter(core).write(master_url, now_ms, anew, most_bytes);
}

std::vector<uint8_t> write_explanations(const core::Core& core, std::span<const uint8_t> request) {
  return ExplanationWriter(core).write(verified(request));
}

}  // namespace magneto::codec
