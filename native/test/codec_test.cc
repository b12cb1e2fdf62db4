#include <cstring>

#include "codec/decode.h"
#include "codec/engine.h"
#include "doctest/doctest.h"
#include "test/messages.h"

namespace magneto::test {

namespace {

core::Message decoded(codec::Decoder& decoder, const Bytes& bytes) {
  std::vector<uint64_t> aligned((bytes.size() + 7) / 8);
  std::memcpy(aligned.data(), bytes.data(), bytes.size());
  return decoder.decode({reinterpret_cast<const uint8_t*>(aligned.data()), bytes.size()});
}

std::string refusal(const Bytes& bytes) {
  codec::Decoder decoder;
  try {
    decoded(decoder, bytes);
  } catch (const codec::Malformed& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("records: what is written is read back, padded to 8 bytes") {
  codec::BatchWriter writer;
  writer.add(2, (uint64_t{2} << 32) + 5, std::string_view("hello"), 7);
  writer.add(6, 0, std::string_view());
  CHECK(writer.view().size() == 40 + 32);
  codec::BatchReader reader(writer.view());
  codec::Record record;
  REQUIRE(reader.next(record));
  CHECK(record.session == 8589934597.0);
  CHECK(record.argument == 7);
  CHECK(record.text() == "hello");
  REQUIRE(reader.next(record));
  CHECK(record.kind == 6);
  CHECK(!reader.next(record));
}

TEST_CASE("records: a batch cut anywhere is refused") {
  codec::BatchWriter writer;
  writer.add(2, 1, std::string_view("hello"));
  for (size_t size = 1; size < writer.view().size(); ++size) {
    codec::BatchReader reader(writer.view().subspan(0, size));
    codec::Record record;
    CHECK_THROWS_AS(reader.next(record), std::range_error);
  }
}

TEST_CASE("an inbox at an odd address is read from an aligned copy") {
  codec::Engine engine(config({}));
  codec::BatchWriter writer;
  writer.add(1, 1, std::string_view("peer"));
  ApplicationOptions options;
  const Bytes message = register_application(options);
  writer.add(2, 1, std::span<const uint8_t>(message));
  Bytes odd(writer.view().size() + 1);
  std::memcpy(odd.data() + 1, writer.view().data(), writer.view().size());
  engine.step(0, 0, std::span<const uint8_t>(odd).subspan(1));
  CHECK(engine.core().state.applications.size() == 1);
  engine.check();
}

TEST_CASE("a batch of an unknown kind is refused before anything of it is believed") {
  codec::Engine engine(config({}));
  codec::BatchWriter writer;
  writer.add(1, 1, std::string_view("peer"));
  writer.add(9, 1, std::string_view());
  CHECK_THROWS_AS(engine.step(0, 0, writer.view()), std::range_error);
  CHECK(engine.core().state.sessions.empty());
}

TEST_CASE("ids that can't be part of a path, a key or a URL are refused") {
  for (const char* id : {"", "a b", "../x", "a\\b", "a\nb"}) {
    WorkerOptions options;
    options.id = id;
    options.host = "h";
    CHECK(refusal(register_worker(options)) != "accepted");
  }
}

TEST_CASE("a worker without cores or memory is refused with what was expected") {
  WorkerOptions options{"w", "h", 1, 0, 10, {}, {}};
  CHECK(refusal(register_worker(options)) == "a worker needs 1 to 1048576 cores; this one says 0");
  options = {"w", "h", 1, 1, 0, {}, {}};
  CHECK(refusal(register_worker(options)) ==
        "a worker needs 1 to 1073741824 MiB of memory; this one says 0");
}

TEST_CASE("a description that is no FlatBuffer is refused, though its message is one") {
  flatbuffers::FlatBufferBuilder builder;
  const Bytes garbage(32, 0xff);
  const auto body = control::CreateRegisterApplicationDirect(builder, &garbage);
  control::FinishMessageBuffer(
      builder, control::CreateMessage(builder, control::Body::RegisterApplication, body.Union()));
  const Bytes message(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  CHECK(refusal(message) == "the application's description is not a valid FlatBuffer");
}

TEST_CASE("messages of the master are not accepted from peers") {
  flatbuffers::FlatBufferBuilder builder;
  const auto body = control::CreateApplicationRemovedDirect(builder, "KILLED");
  control::FinishMessageBuffer(
      builder, control::CreateMessage(builder, control::Body::ApplicationRemoved, body.Union()));
  const Bytes message(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  CHECK(refusal(message) == "ApplicationRemoved is a message of the master; it does not accept it");
}

TEST_CASE("P17: patterns") {
  using core::application_id;
  const int64_t leap_day = 1709208000000;  // 2024-02-29 12:00:00
  CHECK(application_id("app-%s-%04d", leap_day, 7) == "app-20240229120000-0007");
  CHECK(application_id("app-%s-%04d", leap_day, 12345) == "app-20240229120000-12345");
  CHECK(application_id("%d%%", 0, 7) == "7%");
  for (const char* bad : {"app-%s", "app %d", "%x", "%", "%99d%d", "a/%d"})
    CHECK(application_id(bad, 0, 0).empty());
}

}  // namespace magneto::test
