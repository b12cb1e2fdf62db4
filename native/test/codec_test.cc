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

namespace {

// All that a batch says, attachments with what they belong to.
void append(std::vector<std::string>& said, std::span<const uint8_t> batch) {
  codec::Record record;
  std::string attachment;
  for (codec::BatchReader all(batch); all.next(record);) {
    if (record.kind == static_cast<uint32_t>(codec::OutboxKind::attachment)) {
      attachment = record.text();
      continue;
    }
    REQUIRE((!record.attached || !attachment.empty()));
    said.push_back(std::to_string(record.kind) + " " + std::to_string(record.session) + " " +
                   std::to_string(record.argument) + " " + std::string(record.text()) +
                   (record.attached ? attachment : ""));
  }
}

}  // namespace

TEST_CASE("a large step comes in parts, which say in their order what it says in one") {
  ApplicationOptions application;
  application.runtime = "spark-4.3";
  application.spark = Bytes(3000, 7);
  WorkerOptions worker;
  worker.id = "w";
  worker.host = "h";
  worker.cores = 400;
  worker.memory_mb = 400 * 1024;
  worker.runtimes = {application.runtime};
  codec::BatchWriter inbox;
  const uint64_t gateway = core::gateway_source << core::session_source_shift;
  for (const auto& [session, message] :
       {std::pair(gateway + 1, register_worker(worker)),
        std::pair(gateway + 2, register_application(application))}) {
    inbox.add(1, session, std::string_view("peer"));
    inbox.add(2, session, std::span<const uint8_t>(message));
  }
  codec::Engine whole(config({}));
  codec::Engine parted(config({}));
  std::vector<std::string> expected;
  append(expected, whole.step(1769250605000, 0, inbox.view()));
  CHECK(expected.size() > 800);
  std::vector<std::string> found;
  std::vector<size_t> sizes;
  const codec::TakePart take = [&](std::span<const uint8_t> part) {
    append(found, part);
    sizes.push_back(part.size());
  };
  append(found, parted.step(1769250605000, 0, inbox.view(), take));
  CHECK(found == expected);
  REQUIRE(sizes.size() > 2);
  CHECK(sizes[0] < 2 * 16384);
  CHECK(sizes[1] > sizes[0]);
  CHECK(sizes.back() < 2 * 262144);
  // A step of no parts after one that had them.
  codec::BatchWriter none;
  CHECK(parted.step(1769250605001, 0, none.view()).empty());
  parted.check();
}

TEST_CASE("a batch of an unknown kind is refused before anything of it is believed") {
  codec::Engine engine(config({}));
  codec::BatchWriter writer;
  writer.add(1, 1, std::string_view("peer"));
  writer.add(10, 1, std::string_view());
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

TEST_CASE("K3: a driver's description is verified, bounded and read") {
  codec::Decoder decoder;
  DriverOptions options;
  options.main_class = "org.example.Main";
  options.runtimes = {"spark-4.3-driver", "spark-4.2-driver", "spark-4.3-driver"};
  options.resources = {{"gpu", 2}, {"fpga", 0}};
  const auto driver = std::get<core::SubmitDriver>(decoded(decoder, submit_driver(options)));
  CHECK(driver.main_class == "org.example.Main");
  CHECK(driver.jar_url == "file:/main.jar");
  CHECK(driver.runtimes == std::vector<core::Text>{"spark-4.2-driver", "spark-4.3-driver"});
  CHECK(driver.resources == core::ResourceAmounts{{"gpu", 2}});
  options.runtimes = {};
  CHECK(refusal(submit_driver(options)) == "a driver needs at least one runtime that can host it");
  flatbuffers::FlatBufferBuilder builder;
  const Bytes garbage(32, 0xff);
  const auto body = control::CreateRequestSubmitDriverDirect(builder, 1, &garbage);
  control::FinishMessageBuffer(
      builder, control::CreateMessage(builder, control::Body::RequestSubmitDriver, body.Union()));
  const Bytes message(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  CHECK(refusal(message) == "the driver's description is not a valid FlatBuffer");
}

TEST_CASE("an application's Java object stream is bounded") {
  ApplicationOptions options;
  options.spark = Bytes((8u << 20) + 1, 0xac);
  CHECK(refusal(register_application(options)) ==
        "the application's spark_description has 8388609 bytes; at most 8388608 are accepted");
}

TEST_CASE("S5: a driver state that is none is refused") {
  CHECK(refusal(driver_state_changed("d", static_cast<core::DriverState>(8))) ==
        "driver state 8 is unknown");
}

TEST_CASE("messages of the master are not accepted from peers") {
  flatbuffers::FlatBufferBuilder builder;
  const auto body = control::CreateApplicationRemovedDirect(builder, "KILLED");
  control::FinishMessageBuffer(
      builder, control::CreateMessage(builder, control::Body::ApplicationRemoved, body.Union()));
  const Bytes message(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  CHECK(refusal(message) == "ApplicationRemoved is a message of the master; it does not accept it");
}

TEST_CASE("P17: patterns are Java's format of (time, number)") {
  const int64_t leap_day = 1709208000000;  // 2024-02-29 12:00:00
  const std::pair<const char*, const char*> served[] = {{"app-%s-%04d", "app-20240229120000-0255"},
                                                        {"job.%2$d-%1$s", "job.255-20240229120000"},
                                                        {"%2$d", "255"},
                                                        {"%2$d%%", "255%"},
                                                        {"%.8s_%05d", "20240229_00255"},
                                                        {"%1$.4s-%1$.6s-%2$d", "2024-202402-255"},
                                                        {"%S-%S", "20240229120000-255"},
                                                        {"%14s%3d", "20240229120000255"},
                                                        {"%s-%x", "20240229120000-ff"},
                                                        {"%s-%#X", "20240229120000-0XFF"},
                                                        {"%s-%#06x", "20240229120000-0x00ff"},
                                                        {"%s-%o", "20240229120000-377"},
                                                        {"%s-%#o", "20240229120000-0377"},
                                                        {"%s%+d", "20240229120000+255"},
                                                        {"%s-%,d", "20240229120000-255"},
                                                        {"%s-%(d", "20240229120000-255"},
                                                        {"%s-%-3d", "20240229120000-255"}};
  for (const auto& [pattern, id] : served) CHECK(core::format_id(pattern, leap_day, 255) == id);
  CHECK(core::format_id("%2$,d", 0, 1234567) == "1,234,567");
  CHECK(core::format_id("%2$s", -1, 12345) == "12345");
  CHECK(core::format_id("%1$s-%2$d", -1, 1) == "19700101000000-1");
}

TEST_CASE("P17: a pattern that can't be used is refused with the reason") {
  const std::pair<const char*, const char*> refused[] = {
      {"app-%s", "it has no place for the number, such as %2$04d"},
      {"app-%s %d", "its ids have white space, a slash or a control character"},
      {"%s/%d", "its ids have white space, a slash or a control character"},
      {"%s-%9d", "its ids have white space, a slash or a control character"},
      {"%s% d", "its ids have white space, a slash or a control character"},
      {"%d", "'%d' is for numbers, and argument 1 is the time: use %1$s"},
      {"%s%d%d", "'%d' has no argument: 1 is the time, 2 is the number"},
      {"%0$d", "'%0$' is unknown; known are %s %d %x %X %o and %%"},
      {"%3$d", "'%3$d' has no argument: 1 is the time, 2 is the number"},
      {"%", "'%' is unknown; known are %s %d %x %X %o and %%"},
      {"%s%q", "'%q' is unknown; known are %s %d %x %X %o and %%"},
      {"%s%99d", "'%99d' has a width above 64 or none where one belongs"},
      {"%s%99999999999999999999d",
       "'%99999999999999999999d' has a width above 64 or none where one belongs"},
      {"%s%.d", "'%.d' has a width above 64 or none where one belongs"},
      {"%s%.3d", "'%.3d' has a precision, which is for texts"},
      {"%s%-d", "'%-d' needs a width"},
      {"%s%-04d", "'%-04d' has - and 0 at once"},
      {"%s%+x", "'%+x' has flags that are for %d"},
      {"%s%#d", "'%#d' has flags that are for %x and %o"},
      {"%s%+ d", "'%+ d' has + and space at once"},
      {"%,s%d", "'%,s' has flags that are for numbers"}};
  for (const auto& [pattern, why] : refused) {
    INFO(pattern);
    CHECK_THROWS_WITH_AS(core::format_id(pattern, 0, 0), why, std::invalid_argument);
  }
  const std::string long_one(300, 'a');
  CHECK_THROWS_AS(core::format_id(long_one + "%2$d", 0, 0), std::invalid_argument);
}

TEST_CASE(
    "P16: when the counter starts anew, ids that are taken are left out, and at last none is "
    "left") {
  ConfigOptions options;
  options.modulo = 1000;
  options.pattern = "app-%2$d";
  options.retained = 0;
  codec::Engine engine(config(options));
  codec::BatchWriter inbox;
  const auto say = [&](uint64_t session, const Bytes& message, bool connects) {
    if (connects) inbox.add(1, session, std::string_view("peer"));
    inbox.add(2, session, std::span<const uint8_t>(message));
    engine.step(1769250605000, 0, inbox.view());
    inbox.reset();
  };
  for (uint64_t session = 1; session <= 1000; ++session)
    say(session, register_application({}), true);
  const core::State& state = engine.core().state;
  CHECK(state.application_by_id.size() == 1000);
  CHECK(state.application_by_id.contains("app-999"));
  say(1001, register_application({}), true);
  CHECK(state.application_by_id.size() == 1000);
  CHECK(state.sessions.at(1001).closing);
  say(8, unregister_application("app-7"), false);
  say(9, unregister_application("app-8"), false);  // app-7 is forgotten with it
  say(1002, register_application({}), true);
  CHECK(state.application_by_id.contains("app-7"));
  engine.check();
}

TEST_CASE("P15, P16, P17: settings out of their range are refused by name") {
  const auto refusal_of = [](ConfigOptions options) -> std::string {
    try {
      codec::Engine engine(config(options));
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  };
  ConfigOptions options;
  options.driver_pattern = "driver-%s";
  CHECK(refusal_of(options) ==
        "the id pattern 'driver-%s' is not usable: it has no place for the number, such as %2$04d; "
        "one that is: driver-%s-%04d (spark.deploy.driverIdPattern)");
  options = {};
  options.modulo = 999;
  CHECK(refusal_of(options) ==
        "app_number_modulo must be 1000 or more, or 0 for none (spark.deploy.appNumberModulo)");
  options = {};
  options.max_drivers = 0;
  CHECK(refusal_of(options) == "max_drivers must be above 0 (spark.deploy.maxDrivers)");
}

}  // namespace magneto::test
