// What the reader of the feed has after any history is what a whole view shows.
#include "core/feed.h"

#include <deque>
#include <memory>
#include <stdexcept>

#include "core/limits.h"
#include "doctest/doctest.h"
#include "test/feed_reader.h"
#include "test/recovery_world.h"

namespace magneto::test {

namespace {

constexpr int64_t start_ms = 1769250605000;

void fill(codec::Engine& engine, uint32_t workers, uint32_t executors) {
  codec::BatchWriter inbox;
  const auto say = [&](uint64_t session, const Bytes& message) {
    inbox.add(static_cast<uint32_t>(codec::InboxKind::connected), session, "peer:1");
    inbox.add(static_cast<uint32_t>(codec::InboxKind::message), session,
              std::span<const uint8_t>(message));
  };
  for (uint32_t at = 0; at < workers; ++at) {
    WorkerOptions worker;
    worker.id = worker.host = "worker-" + std::to_string(at);
    say(at, register_worker(worker));
  }
  ApplicationOptions application;
  application.max_cores = executors;
  say(workers, register_application(application));
  engine.step(start_ms, 0, inbox.view());
}

}  // namespace

TEST_CASE("U1 to U6: after any history of readings the reader has what a whole view shows") {
  uint64_t rows = 0;
  uint64_t heartbeats = 0;
  uint64_t removed = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed ", seed);
    RecoveryWorld world(seed);
    world.attach_reader(seed);
    for (int crash = 0; crash < 3; ++crash) {
      for (uint64_t steps = 20 + seed % 60; steps > 0; --steps) world.step();
      world.crash();
    }
    rows += world.reader().rows_taken();
    heartbeats += world.reader().heartbeats_taken();
    removed += world.reader().removed_taken();
  }
  CHECK(rows > 1000);
  CHECK(heartbeats > 10);
  CHECK(removed > 100);
}

TEST_CASE("a feed names each row once, the one that changed first first, and what has gone") {
  core::Feed feed;
  auto first = std::make_unique<core::Row>();
  core::Row second;
  feed.join(*first, core::RowKind::worker);
  feed.join(second, core::RowKind::driver);
  second.changed();  // nobody listens
  CHECK(feed.listen(false));
  CHECK(!feed.listen(false));
  CHECK(feed.take_changed() == first.get());
  first->heard();  // the second has not been told yet: no row is known to be
  CHECK(feed.take_changed() == &second);
  CHECK(feed.take_changed() == first.get());
  CHECK(feed.take_changed() == nullptr);
  CHECK(feed.take_heard() == nullptr);

  first->heard();
  second.changed();
  second.changed();
  CHECK(feed.take_changed() == &second);
  CHECK(feed.take_changed() == nullptr);
  CHECK(feed.take_heard() == first.get());
  first->heard();
  first->changed();
  first->heard();
  CHECK(feed.take_changed() == first.get());
  CHECK(feed.take_heard() == nullptr);

  const uint64_t number = first->number();
  uint64_t gone = 0;
  CHECK(!feed.take_removed(gone));
  first.reset();
  CHECK(feed.take_removed(gone));
  CHECK(gone == number);
  {
    core::Row untold;
    feed.join(untold, core::RowKind::worker);
  }
  CHECK(!feed.take_removed(gone));
  CHECK(feed.rows() == 1);
}

TEST_CASE("a row that moves, or goes on as another, keeps its number and its place") {
  core::Feed feed;
  feed.listen(true);
  std::deque<core::Row> moved;
  core::Row one;
  feed.join(one, core::RowKind::executor);
  const uint64_t number = one.number();
  moved.push_back(std::move(one));
  CHECK(feed.take_changed() == &moved.back());
  core::Row past;
  moved.back().continue_as(past, core::RowKind::removed_executor);
  moved.clear();
  uint64_t gone = 0;
  CHECK(!feed.take_removed(gone));
  CHECK(feed.take_changed() == &past);
  CHECK(past.number() == number);
  CHECK(past.kind() == core::RowKind::removed_executor);
  CHECK(feed.rows() == 1);
}

TEST_CASE("with more rows gone than are kept the reader starts over, and nothing grows meanwhile") {
  core::Feed feed;
  std::deque<core::Row> rows(core::Feed::max_removed + 2);
  for (core::Row& row : rows) feed.join(row, core::RowKind::worker);
  CHECK(feed.listen(true));
  while (feed.take_changed()) continue;
  for (size_t gone = 0; gone < core::Feed::max_removed; ++gone) rows.pop_front();
  CHECK(feed.listening());
  rows.pop_front();
  CHECK(!feed.listening());
  rows.back().changed();
  uint64_t number = 0;
  CHECK(!feed.take_removed(number));
  CHECK(feed.take_changed() == nullptr);
  CHECK(feed.listen(false));
  CHECK(feed.take_changed() == &rows.back());
  CHECK(feed.take_changed() == nullptr);
}

TEST_CASE("a part is as small as it may be, and all parts together are everything, once") {
  codec::Engine engine(config({}));
  fill(engine, 200, 400);
  FeedReader reader;
  size_t parts = 1;
  while (reader.take(engine, start_ms, 2048)) ++parts;
  CHECK(parts > 20);
  CHECK(reader.rows_taken() == 200 + 1 + 400);
  reader.check(engine, start_ms);
  CHECK(!reader.take(engine, start_ms, 2048));
  CHECK(reader.rows_taken() == 601);
}

TEST_CASE("a request for explanations that is none, or for too many, is refused") {
  const codec::Engine engine(config({}));
  const Bytes garbage{1, 2, 3, 4, 5, 6, 7, 8};
  CHECK_THROWS_AS(engine.explain(garbage), std::invalid_argument);
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<std::string> ids(core::limits::max_explained + 1, "app");
  builder.Finish(view::CreateExplainRequest(builder, builder.CreateVectorOfStrings(ids)));
  CHECK_THROWS_AS(engine.explain({builder.GetBufferPointer(), builder.GetSize()}),
                  std::invalid_argument);
}

}  // namespace magneto::test
