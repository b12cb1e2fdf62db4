// A worker and what it is found by. There may be 100,000 of them, so each is kept small: its texts
// lie in one block, what is the same for many is shared, and lists run through the workers
// themselves.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/event.h"
#include "core/feed.h"
#include "core/ids.h"

namespace magneto::core {

enum class WorkerState : uint8_t { alive, dead, decommissioned, unknown };  // S2

struct Driver;
struct Executor;
struct Runtime;

struct ResourcePool {
  std::string name;
  std::vector<std::string> addresses;
  std::vector<bool> used;
  uint32_t free = 0;
};

// What workers can host, in the order that they said it; workers that say the same share one.
using RuntimeSet = std::vector<Runtime*>;
using RuntimeSets = std::map<RuntimeSet, uint32_t>;  // with the number of workers

// The texts of a worker, which never change, in one allocation.
class WorkerTexts {
 public:
  WorkerTexts() = default;
  explicit WorkerTexts(const RegisterWorker& from);

  Text id() const { return {bytes_.get(), id_}; }
  Text host() const { return {bytes_.get() + id_, host_}; }
  Text web_ui_url() const { return {bytes_.get() + id_ + host_, web_ui_url_}; }
  Text endpoint() const { return {bytes_.get() + id_ + host_ + web_ui_url_, endpoint_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  uint16_t id_ = 0;
  uint16_t host_ = 0;
  uint16_t web_ui_url_ = 0;
  uint16_t endpoint_ = 0;
};

struct Worker : Row {
  WorkerSlot slot;
  uint16_t port = 0;
  WorkerState state = WorkerState::alive;
  bool leaving = false;  // decommissioned; outlives its loss, as it does not change its mind
  bool indexed = false;  // in Runtime::candidates
  bool healthy = true;   // else why not is in State::unhealthy
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  uint32_t cores_used = 0;
  uint32_t memory_used_mb = 0;
  WorkerTexts texts;
  std::vector<ResourcePool> resources;
  const RuntimeSet* runtimes = nullptr;  // in State::runtime_sets
  std::vector<Executor*> executors;      // those of Application::decommissioned too
  std::vector<Driver*> drivers;
  Session session = no_session;
  uint64_t sequence = 0;
  uint64_t index_key = 0;
  uint64_t first_order = 0;  // of the applications that have registered after it
  Millis last_heartbeat_ms = 0;
  Worker* heard_before = nullptr;  // in State::by_heartbeat, unless dead or unknown
  Worker* heard_after = nullptr;
  uint32_t placeable_position = 0;  // in State::placeable while it takes anything new

  Text id() const { return texts.id(); }
  Text host() const { return texts.host(); }
  // What a new leader finds running may be more than there is, while some of it is being ended.
  uint32_t cores_free() const { return cores - std::min(cores, cores_used); }
  uint32_t memory_free_mb() const { return memory_mb - std::min(memory_mb, memory_used_mb); }
  // It has said what it runs, and is not lost.
  bool is_known() const { return state != WorkerState::dead && state != WorkerState::unknown; }
  bool takes_new() const { return state == WorkerState::alive && healthy; }
};

// One worker in the order of the selection policy; without a worker it comes before all of its key.
struct Candidate {
  uint64_t key = 0;
  Worker* worker = nullptr;
  bool operator<(const Candidate& other) const {
    if (key != other.key) return key < other.key;
    if (!worker || !other.worker) return !worker && other.worker;
    return worker->id() < other.worker->id();
  }
};

struct ById {
  using is_transparent = void;
  bool operator()(const Worker* a, const Worker* b) const { return a->id() < b->id(); }
  bool operator()(const Worker* a, Text id) const { return a->id() < id; }
  bool operator()(Text id, const Worker* b) const { return id < b->id(); }
};
using WorkersById = std::set<Worker*, ById>;

struct WorkerAddress {
  Text host;
  uint16_t port = 0;
  bool operator==(const WorkerAddress&) const = default;
};
inline WorkerAddress address_of(const Worker& worker) { return {worker.host(), worker.port}; }
inline WorkerAddress address_of(const Worker* worker) { return address_of(*worker); }
inline WorkerAddress address_of(const WorkerAddress& address) { return address; }
std::string text_of(const WorkerAddress& address);  // "host:port"

struct ByAddress {
  using is_transparent = void;
  size_t operator()(const auto& of) const {
    const WorkerAddress address = address_of(of);
    return TextHash{}(address.host) * 31 + address.port;
  }
  bool operator()(const auto& a, const auto& b) const { return address_of(a) == address_of(b); }
};
using WorkersByAddress = std::unordered_set<Worker*, ByAddress, ByAddress>;

// The workers, the oldest heartbeat first.
class HeartbeatQueue {
 public:
  void add(Worker& worker) {
    worker.heard_before = newest_;
    worker.heard_after = nullptr;
    (newest_ ? newest_->heard_after : oldest_) = &worker;
    newest_ = &worker;
    ++size_;
  }
  void remove(Worker& worker) {
    (worker.heard_before ? worker.heard_before->heard_after : oldest_) = worker.heard_after;
    (worker.heard_after ? worker.heard_after->heard_before : newest_) = worker.heard_before;
    --size_;
  }
  void heard(Worker& worker) {
    remove(worker);
    add(worker);
  }

  size_t size() const { return size_; }
  Worker* oldest() { return oldest_; }
  const Worker* oldest() const { return oldest_; }
  // `visit` must not change the queue.
  template <class Visit>
  void each(Visit visit) const {
    for (const Worker* at = oldest_; at; at = at->heard_after) visit(*at);
  }

 private:
  Worker* oldest_ = nullptr;
  Worker* newest_ = nullptr;
  size_t size_ = 0;
};

}  // namespace magneto::core
