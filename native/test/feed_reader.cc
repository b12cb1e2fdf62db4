#include "test/feed_reader.h"

#include <algorithm>

#include "doctest/doctest.h"

namespace magneto::test {

namespace {

using Bytes = std::vector<uint8_t>;

// Every field of a table in one line.
class Line {
 public:
  Line& operator<<(const flatbuffers::String* text) {
    text_ += text ? text->str() : "-";
    return end();
  }
  template <class Number>
  requires std::is_arithmetic_v<Number> || std::is_enum_v<Number> Line& operator<<(Number number) {
    text_ += std::to_string(static_cast<int64_t>(number));
    return end();
  }
  template <class Item>
  Line& operator<<(const flatbuffers::Vector<Item>* all) {
    text_ += "[";
    if (all)
      for (const auto* each : *all) *this << each;
    text_ += "]";
    return end();
  }
  Line& operator<<(const control::Resource* each) {
    return *this << each->name() << each->addresses();
  }
  Line& operator<<(const control::ResourceAmount* each) {
    return *this << each->name() << each->amount();
  }
  std::string take() { return std::move(text_); }

 private:
  Line& end() {
    text_ += "|";
    return *this;
  }
  std::string text_;
};

// But for the heartbeat.
std::string line(const view::WorkerView& each) {
  return (Line() << each.id() << each.host() << each.port() << each.web_ui_url() << each.cores()
                 << each.cores_used() << each.memory_mb() << each.memory_used_mb()
                 << each.resources() << each.resources_used() << each.state() << each.runtimes()
                 << each.driver_ids() << each.health_report())
      .take();
}

std::string line(const view::ExecutorView& each) {
  return (Line() << each.id() << each.worker_id() << each.profile_id() << each.cores()
                 << each.memory_mb() << each.resources() << each.state())
      .take();
}

// But for executors and explanations.
std::string line(const view::ApplicationView& each) {
  const auto optional = [](const auto& value) { return value ? int64_t{*value} : int64_t{-1}; };
  return (Line() << each.id() << each.name() << each.user() << each.ui_url() << each.runtime()
                 << each.submitted_ms() << each.started_ms() << each.ended_ms() << each.state()
                 << each.cores_granted() << optional(each.cores_max())
                 << optional(each.executor_limit()) << each.memory_per_executor_mb()
                 << each.resources_per_executor())
      .take();
}

std::string line(const view::DriverView& each) {
  return (Line() << each.id() << each.state() << each.submitted_ms() << each.started_ms()
                 << each.ended_ms() << each.worker_id() << each.worker_host_port() << each.cores()
                 << each.memory_mb() << each.resources() << each.resources_asked()
                 << each.supervise() << each.jar_url() << each.main_class() << each.exception())
      .take();
}

std::string line(const view::Explanation& each) {
  return (Line() << each.profile_id() << each.cores() << each.memory_mb() << each.resources()
                 << each.runtimes() << each.limit() << each.workers() << each.fitting()
                 << each.fitting_when_idle() << each.reason() << each.advice())
      .take();
}

std::string digits(uint64_t number) {
  const std::string text = std::to_string(number);
  return std::string(20 - text.size(), '0') + text;
}

template <class Table>
const Table& root(const Bytes& bytes) {
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  REQUIRE(verifier.VerifyBuffer<Table>(nullptr));
  return *flatbuffers::GetRoot<Table>(bytes.data());
}

template <class Items>
std::vector<std::string> lines(const Items* all) {
  std::vector<std::string> result;
  if (all)
    for (const auto* each : *all) result.push_back(line(*each));
  return result;
}

std::map<std::string, std::vector<std::string>> explained(const codec::Engine& engine,
                                                          const std::vector<std::string>& apps,
                                                          const std::vector<std::string>& drivers) {
  flatbuffers::FlatBufferBuilder builder;
  const auto app_ids = builder.CreateVectorOfStrings(apps);
  builder.Finish(
      view::CreateExplainRequest(builder, app_ids, builder.CreateVectorOfStrings(drivers)));
  const Bytes answer = engine.explain({builder.GetBufferPointer(), builder.GetSize()});
  std::map<std::string, std::vector<std::string>> result;
  const auto& all = root<view::ExplainAnswer>(answer);
  for (const auto* list : {all.applications(), all.drivers()})
    for (const auto* each : *list) result[each->id()->str()] = lines(each->explanations());
  return result;
}

// For a failure that shows both.
std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& each : all) text += each + "\n";
  return text;
}

}  // namespace

void FeedReader::put(double number, Row row) {
  rows_[number] = std::move(row);
  ++rows_taken_;
}

bool FeedReader::take(codec::Engine& engine, core::Millis now_ms, size_t most_bytes) {
  const Bytes bytes = engine.changes(now_ms, anew_, most_bytes);
  const auto& part = root<view::Changes>(bytes);
  CHECK((!anew_ || part.anew()));
  if (part.anew()) rows_.clear();
  anew_ = false;
  for (const double number : *part.removed()) {
    ++removed_taken_;
    rows_.erase(number);
  }
  for (const auto* each : *part.workers()) {
    const view::WorkerView& from = *each->worker();
    Row row{"worker", from.id()->str(), line(from)};
    row.heartbeat_ms = from.last_heartbeat_ms();
    put(each->number(), std::move(row));
  }
  for (const auto* each : *part.heartbeats()) {
    REQUIRE(rows_.contains(each->number()));
    rows_.at(each->number()).heartbeat_ms = each->last_heartbeat_ms();
    ++heartbeats_taken_;
  }
  for (const auto* each : *part.applications()) {
    Row row{each->completed() ? "completed" : "active", digits(each->order()),
            line(*each->application())};
    row.id = each->application()->id()->str();
    row.waits = each->waits();
    row.executors = each->executors();
    put(each->number(), std::move(row));
  }
  for (const auto* each : *part.executors()) {
    const bool removed = each->place() == view::ExecutorPlace::REMOVED;
    Row row{"executor", digits(removed ? each->order() : each->executor()->id()),
            line(*each->executor())};
    row.application = each->application();
    row.place = each->place();
    put(each->number(), std::move(row));
  }
  for (const auto* each : *part.drivers()) {
    Row row{each->completed() ? "ended" : "driver", digits(each->order()), line(*each->driver())};
    row.id = each->driver()->id()->str();
    row.waits = each->waits();
    put(each->number(), std::move(row));
  }
  return part.more();
}

std::vector<std::string> FeedReader::executors_of(double application, bool removed) const {
  std::map<std::string, std::string> found;
  for (const auto& [number, row] : rows_)
    if (row.list == "executor" && row.application == application &&
        (row.place == view::ExecutorPlace::REMOVED) == removed)
      CHECK(found.emplace(row.position, row.text).second);
  std::vector<std::string> all;
  for (const auto& [position, text] : found) all.push_back(text);
  return all;
}

std::vector<std::string> FeedReader::list(const std::string& name) const {
  std::map<std::string, std::string> found;
  for (const auto& [number, row] : rows_)
    if (row.list == name)
      found.emplace(row.position + '\1' + digits(static_cast<uint64_t>(number)), row.text);
  std::vector<std::string> all;
  for (const auto& [position, text] : found) all.push_back(text);
  return all;
}

void FeedReader::check(const codec::Engine& engine, core::Millis now_ms) const {
  const Bytes bytes = engine.view(now_ms);
  const auto& view = root<view::ClusterView>(bytes);
  CHECK(joined(list("worker")) == joined(lines(view.workers())));
  CHECK(joined(list("active")) == joined(lines(view.active_applications())));
  CHECK(joined(list("completed")) == joined(lines(view.completed_applications())));
  CHECK(joined(list("driver")) == joined(lines(view.active_drivers())));
  CHECK(joined(list("ended")) == joined(lines(view.completed_drivers())));
  std::map<std::string, core::Millis> heartbeats;
  for (const auto* each : *view.workers())
    heartbeats[each->id()->str()] = each->last_heartbeat_ms();
  std::map<std::string, std::pair<double, const Row*>> by_id;
  std::vector<std::string> apps;
  std::vector<std::string> drivers;
  for (const auto& [number, row] : rows_) {
    if (row.list == "worker") CHECK(heartbeats.at(row.position) == row.heartbeat_ms);
    if (!row.id.empty()) by_id[row.id] = {number, &row};
    if (row.list == "active") apps.push_back(row.id);
    if (row.list == "driver") drivers.push_back(row.id);
  }
  const auto why = explained(engine, apps, drivers);
  CHECK(why.size() == apps.size() + drivers.size());
  for (const auto* list : {view.active_applications(), view.completed_applications()})
    for (const auto* each : *list) {
      const auto& [number, row] = by_id.at(each->id()->str());
      CHECK(joined(executors_of(number, false)) == joined(lines(each->executors())));
      CHECK(joined(executors_of(number, true)) == joined(lines(each->removed_executors())));
      CHECK(row->executors == each->executors()->size());
      const std::vector<std::string> reasons = lines(each->explanations());
      CHECK(row->waits == !reasons.empty());
      if (row->list == "active") CHECK(joined(why.at(row->id)) == joined(reasons));
    }
  for (const auto* each : *view.active_drivers()) {
    const Row& row = *by_id.at(each->id()->str()).second;
    std::vector<std::string> reasons;
    if (each->explanation()) reasons.push_back(line(*each->explanation()));
    CHECK(row.waits == !reasons.empty());
    CHECK(joined(why.at(row.id)) == joined(reasons));
  }
}

}  // namespace magneto::test
