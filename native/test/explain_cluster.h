// A core without bytes around it: workers, applications and drivers in a few words, and what the
// log says of those who wait.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/schedule/explain.h"

namespace magneto::test {

struct Size {
  uint32_t cores = 4;
  uint32_t memory_mb = 4096;
  uint32_t gpus = 0;
};
struct AppOptions {
  std::optional<uint32_t> max_cores{};
  std::optional<uint32_t> limit{};
};

class Cluster : public core::Port {
 public:
  explicit Cluster(core::Config config = {}) : core(std::move(config), *this) {}

  void worker(const std::string& id, Size size, std::vector<std::string> runtimes = {"node"});
  void lose(const std::string& worker_id);
  void decommission(const std::string& worker_id);
  void health(const std::string& worker_id, bool healthy, const std::string& report = {});
  // Returns its id.
  std::string app(Size executor, const std::string& runtime = "node", AppOptions options = {});
  void request(const std::string& app_id, uint32_t profile_id, Size executor, uint32_t total);
  void end(const std::string& app_id);
  std::string driver(Size size, std::vector<std::string> runtimes = {"spark-4.3-driver"});
  // A heartbeat of nobody: an event that changes nothing.
  void idle_event(core::Millis later_ms = 0);

  core::Application& application(const std::string& id);
  // What a view says of one of them, or of all when `id` is empty; asked in the order of the queue.
  std::vector<core::Explanation> explain(const std::string& id);
  std::vector<core::Explanation> explain_all() { return explain({}); }
  core::Explanation first(const std::string& id) { return explain(id).at(0); }
  // "code: text" of every warning since the last call; of every line of the log with that code.
  std::vector<std::string> warnings();
  std::vector<std::string> told(const std::string& code) const;

  core::Core core;

 private:
  void send(core::Session, uint64_t, const core::Outgoing& message) override;
  void close(core::Session, uint64_t, core::Text) override {}
  void persist(uint64_t, core::Text, const core::StoredRecord&) override {}
  void forget(uint64_t, core::Text) override {}
  void set_timer(core::Millis) override {}
  void notice(core::NoticeLevel level, core::Text code, core::Text text) override;

  core::Session connect();
  void say(core::Session session, const core::Message& message);
  void step();

  core::Millis now_ms_ = 1769250605000;  // 2026-01-24 10:30:05 UTC
  core::Session next_session_ = 0;
  std::vector<std::string> warnings_;
  std::vector<std::pair<std::string, std::string>> log_;  // code, text
  std::string last_id_;
  std::optional<core::Explainer> explainer_;
};

}  // namespace magneto::test
