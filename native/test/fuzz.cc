// Seeded mutation fuzzer of the record framing and the control codec, through a live core with
// check(). fuzz SECONDS [SEED]: prints the seed of a round before it can crash, and at the end how
// much was tried.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <random>

#include "codec/engine.h"
#include "test/kept_store.h"
#include "test/messages.h"

namespace magneto::test {

namespace {

constexpr int steps_per_round = 60;
uint64_t current_seed = 0;

extern "C" void on_death() {
  std::fprintf(
      stderr, "fuzz: failed in the round of seed %llu; run: make fuzz SECONDS=0 SEED=%llu\n",
      static_cast<unsigned long long>(current_seed), static_cast<unsigned long long>(current_seed));
}

class Round {
 public:
  explicit Round(uint64_t seed)
      : random_(seed),
        options_(random_config()),
        engine_(std::make_unique<codec::Engine>(config(options_))) {}

  void run() {
    for (int step = 0; step < steps_per_round; ++step) {
      inbox_.reset();
      for (uint32_t count = 1 + pick(4); count > 0; --count) add_event();
      Bytes batch(inbox_.view().begin(), inbox_.view().end());
      if (pick(20) == 0) mutate(batch);
      now_ms_ += pick(2000);
      try {
        keep(engine_->step(now_ms_, 0, batch));
      } catch (const std::range_error&) {
        // Bad framing is refused whole, before anything of it is believed.
      } catch (const core::BrokenInvariant&) {
        if (trusted_) throw;
        return;  // a mutated header broke the shell's own promises, which is what stops it
      }
      engine_->check();
      if (pick(30) == 0) change_leader();
    }
  }

 private:
  void keep(std::span<const uint8_t> outbox) {
    codec::Record effect;
    for (codec::BatchReader all(outbox); all.next(effect);) store_.apply(effect);
  }

  // Records may be damaged, and peers of the leader before are all gone.
  void change_leader() {
    options_.standby = true;
    engine_ = std::make_unique<codec::Engine>(config(options_));
    connected_.clear();
    inbox_.reset();
    for (auto& [key, bytes] : store_.records) {
      Bytes record = bytes;
      const bool trusted = trusted_;
      if (pick(3) == 0) mutate(record);
      trusted_ = trusted;
      inbox_.add(static_cast<uint32_t>(codec::InboxKind::record), 0,
                 std::span<const uint8_t>(record));
    }
    if (pick(4) == 0) {
      Bytes said = leader("spark://other:7077", 3);
      const bool trusted = trusted_;
      mutate(said);
      trusted_ = trusted;
      inbox_.add(static_cast<uint32_t>(codec::InboxKind::leader), 0,
                 std::span<const uint8_t>(said));
    }
    if (pick(8) != 0)
      inbox_.add(static_cast<uint32_t>(codec::InboxKind::elected), 0, std::string_view(), ++epoch_);
    keep(engine_->step(now_ms_, 0, inbox_.view()));
    engine_->check();
  }

  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  ConfigOptions random_config() {
    ConfigOptions options;
    options.standby = pick(8) == 0;
    options.spread_drivers = pick(2) == 0;
    options.max_drivers = pick(4) == 0 ? 1 : 2147483647;
    options.retained_drivers = pick(3);
    options.name_as_id = pick(8) == 0;
    return options;
  }

  std::string some_driver() {
    char text[16] = {};
    std::snprintf(text, sizeof text, "%04u", pick(6));
    return std::string("driver-20260124103005-") + text;
  }

  // Drivers, and what operators ask.
  Bytes valid_of_drivers() {
    switch (pick(11)) {
      case 0:
        return driver_state_changed(some_driver(), static_cast<core::DriverState>(pick(8)),
                                    pick(2) == 0 ? "exception" : "", pick(2));
      case 1:
        return kill_driver(some_driver());
      case 2:
        return kill_all_drivers();
      case 3:
        return driver_status(some_driver());
      case 4:
        return pick(2) == 0 ? clear_completed() : readyz();
      case 5:
        return decommission_hosts({"hw" + std::to_string(pick(4)), "other"});
      case 6:
        return worker_decommissioning("w" + std::to_string(pick(4)));
      case 7:
      case 8:
        return worker_health("w" + std::to_string(pick(4)), pick(2) == 0,
                             std::string(pick(600), 'r'));
      default: {
        DriverOptions options;
        options.cores = pick(3);
        options.memory_mb = 256;
        options.supervise = pick(2) == 0;
        options.resources["gpu"] = pick(2);
        options.runtimes = {"another", "node"};
        return submit_driver(options);
      }
    }
  }

  std::string some_app() {
    char text[16] = {};
    std::snprintf(text, sizeof text, "%04u", pick(4));
    return std::string("app-20260124103005-") + text;
  }

  Bytes valid() {
    const std::string worker = "w" + std::to_string(pick(4));
    switch (pick(17)) {
      case 0: {
        WorkerOptions options;
        options.id = worker;
        options.host = "h" + worker;
        options.cores = 1 + pick(8);
        options.resources["gpu"] = {"0", "1"};
        return register_worker(options);
      }
      case 1:
        return heartbeat(worker);
      case 2:
        return latest_state(worker, {{some_app(), pick(4)}, {"gone", 1}}, {some_driver(), "gone"});
      case 3: {
        ApplicationOptions options;
        options.profile = {0, pick(3), 256, {{"gpu", pick(2)}}};
        options.driver = "d:" + std::to_string(pick(4));
        if (pick(2) == 0) options.spark = Bytes(16, 0xac);
        return register_application(options);
      }
      case 4:
        return unregister_application(some_app());
      case 5:
        return request_executors(some_app(), {{{pick(3), 1, 256, {}}, pick(5)}});
      case 6:
        return kill_executors(some_app(), {std::to_string(pick(5)), "x"});
      case 7:
        return kill_application(some_app());
      case 14:
        return scheduler_state(worker,
                               {{some_app(),
                                 pick(6),
                                 pick(3),
                                 pick(3),
                                 256,
                                 static_cast<core::ExecutorState>(pick(7)),
                                 {{"gpu", {std::to_string(pick(3))}}}},
                                {"gone", 1}},
                               {{some_driver(), {}}, {"gone", {}}});
      case 15:
      case 16:
        return master_change_acknowledged(some_app(), {std::to_string(pick(6)), "x"});
      case 9:
      case 10:
      case 11:
      case 12:
      case 13:
        return valid_of_drivers();
      default: {
        StateOptions options;
        options.app_id = some_app();
        options.executor_id = pick(6);
        options.state = static_cast<core::ExecutorState>(pick(7));
        options.message = "message";
        if (pick(2) == 0) options.exit_status = static_cast<int32_t>(pick(300));
        return state_changed(options);
      }
    }
  }

  void mutate(Bytes& bytes) {
    if (bytes.empty()) return;
    trusted_ = false;
    for (uint32_t count = 1 + pick(6); count > 0; --count) {
      const size_t at = pick(static_cast<uint32_t>(bytes.size()));
      switch (pick(6)) {
        case 0:
          bytes[at] ^= static_cast<uint8_t>(1u << pick(8));
          break;
        case 1:
          bytes[at] = static_cast<uint8_t>(pick(256));
          break;
        case 2: {
          const uint32_t edges[] = {0, 1, 4, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc};
          const uint32_t value = edges[pick(7)];
          if (at + 4 <= bytes.size()) std::memcpy(bytes.data() + at, &value, 4);
          break;
        }
        case 3:
          bytes.resize(at + 1);
          break;
        case 4:
          bytes.insert(bytes.begin() + static_cast<int64_t>(at), static_cast<uint8_t>(pick(256)));
          break;
        default:
          std::memmove(bytes.data(), bytes.data() + at, (bytes.size() - at) / 2);
          break;
      }
    }
  }

  void add_event() {
    using codec::InboxKind;
    const uint64_t sources[] = {core::web_source, core::gateway_source, 0, 0, 0, 0};
    const uint64_t session = pick(8) + (sources[pick(6)] << core::session_source_shift);
    if (!connected_.contains(session)) {
      connected_[session] = true;
      inbox_.add(static_cast<uint32_t>(InboxKind::connected), session, "peer:1");
    } else if (pick(30) == 0) {
      connected_.erase(session);
      inbox_.add(static_cast<uint32_t>(InboxKind::disconnected), session, "gone");
      return;
    } else if (pick(60) == 0) {
      inbox_.add(static_cast<uint32_t>(InboxKind::elected), 0, "", ++epoch_);
      return;
    } else if (pick(40) == 0) {
      inbox_.add(static_cast<uint32_t>(InboxKind::timer), 0, "");
      return;
    }
    Bytes message = valid();
    if (pick(3) != 0) {
      const bool trusted = trusted_;
      mutate(message);
      trusted_ = trusted;  // peers may send anything; only a broken frame is the shell's own fault
    }
    inbox_.add(static_cast<uint32_t>(InboxKind::message), session,
               std::span<const uint8_t>(message));
  }

  std::mt19937_64 random_;
  ConfigOptions options_;
  std::unique_ptr<codec::Engine> engine_;
  KeptStore store_;
  uint32_t epoch_ = 0;
  codec::BatchWriter inbox_;
  std::map<uint64_t, bool> connected_;
  int64_t now_ms_ = 1769250605000;
  bool trusted_ = true;
};

}  // namespace

int fuzz(int seconds, uint64_t seed, bool once) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  uint64_t rounds = 0;
  do {
    current_seed = seed + rounds;
    try {
      Round(current_seed).run();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "fuzz: %s\n", error.what());
      on_death();
      return 1;
    }
    ++rounds;
  } while (!once && std::chrono::steady_clock::now() < end);
  std::printf("fuzz: %llu rounds of %d batches from seed %llu, nothing found\n",
              static_cast<unsigned long long>(rounds), steps_per_round,
              static_cast<unsigned long long>(seed));
  return 0;
}

}  // namespace magneto::test

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif

int main(int count, char** values) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(magneto::test::on_death);
#endif
  const int seconds = count > 1 ? std::atoi(values[1]) : 60;
  const bool once = count > 2;
  const uint64_t seed = once ? std::strtoull(values[2], nullptr, 10)
                             : static_cast<uint64_t>(std::random_device()()) << 20;
  return magneto::test::fuzz(seconds, seed, once);
}
