// Workers, applications and clients around masters that die at any moment: what each of them was
// told is held against what the next leader knows.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "codec/engine.h"
#include "test/feed_reader.h"
#include "test/kept_store.h"
#include "test/messages.h"

namespace magneto::test {

class RecoveryWorld {
 public:
  explicit RecoveryWorld(uint64_t seed);

  // One random event, and everything that must hold then.
  void step();
  // The master dies, whatever was not on disk by then is cut off anywhere, and another one leads.
  void crash();

  // From here on, after each event: a reader takes some of what has changed, and what it has taken
  // when nothing is left is what a view shows. Changes nothing of the history but heartbeats.
  void attach_reader(uint64_t seed) { reading_.emplace(seed); }
  const FeedReader& reader() const { return reader_; }

  uint64_t crashes() const { return epoch_; }
  uint64_t recoveries() const { return recoveries_; }  // that were waited for
  uint64_t taken_over() const { return taken_over_; }  // executors and drivers, by a later leader

 private:
  struct Worker {
    WorkerOptions options;
    uint64_t session = 0;
    bool registered = false;
    bool leaving = false;   // an operator was told so
    bool given_up = false;  // it answered the leader too late
    std::map<std::pair<std::string, uint32_t>, RunningExecutor> executors;
    std::map<std::string, RunningDriver> drivers;
  };
  struct App {
    std::string id;
    uint64_t session = 0;
    std::map<uint32_t, uint32_t> targets;  // acknowledged, by profile
    bool waits = false;                    // for the answer to what it asked
    bool given_up = false;                 // it answered the leader too late
    std::map<uint32_t, uint32_t> asked;
  };
  struct Held {
    uint64_t sequence = 0;
    uint64_t session = 0;
    Bytes message;
  };
  // What a client waits for an answer to.
  enum class Asked { submit, kill, decommission, end };
  struct Question {
    Asked what = Asked::submit;
    std::string id;
  };

  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  uint64_t connect();
  void say(uint64_t session, const Bytes& message);
  void act();
  void act_on_drivers();
  void add_worker();
  void add_application();
  void request(App& app);
  void end_executor();
  void end_driver();
  void answer_leader();
  void run();
  void take(const codec::Record& effect);
  void sync();
  void deliver(uint64_t session, const Bytes& bytes);
  void deliver_to_worker(Worker& worker, const control::Message& message);
  void deliver_reply(uint64_t session, const control::Reply& reply);
  void note_given_up();
  void lose_worker(const std::string& id);
  void lose_application(size_t at);
  // What was promised is there.
  void check_promises() const;
  // What a leader would make of the records is what this one knows.
  void check_image() const;
  void read();

  std::mt19937_64 random_;
  ConfigOptions config_;
  std::unique_ptr<codec::Engine> engine_;
  codec::BatchWriter inbox_;
  int64_t now_ms_ = 1769250605000;
  uint64_t next_session_ = 0;
  uint32_t next_worker_ = 0;
  uint32_t epoch_ = 0;
  uint64_t recoveries_ = 0;
  uint64_t taken_over_ = 0;

  KeptStore durable_;
  KeptStore written_;                                 // as far as the core has got
  std::vector<std::pair<uint64_t, Bytes>> unsynced_;  // whole batches of the outbox, one an effect
  uint64_t synced_ = 0;
  uint64_t sequence_ = 0;
  std::vector<Held> held_;

  std::map<std::string, Worker> workers_;
  std::vector<App> apps_;
  std::map<uint64_t, App> registering_;
  std::map<uint64_t, Question> questions_;  // one a session

  std::optional<std::mt19937_64> reading_;  // none: nobody reads
  FeedReader reader_;

  std::set<std::string> ids_;  // of applications and drivers, ever
  std::set<std::pair<std::string, uint32_t>> executors_ever_;
  std::set<std::string> drivers_ever_;  // launched
  std::set<std::string> promised_drivers_;
  std::set<std::string> killed_drivers_;  // the kill was acknowledged
  std::set<std::string> ended_drivers_;   // the end was acknowledged
};

}  // namespace magneto::test
