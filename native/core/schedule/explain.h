// Why a request or a driver waits, as data and as sentences (spec A6; schemas/view.fbs says what
// the fields mean to readers).
//   survey.cc   one walk over all workers for one demand
//   explain.cc  what else keeps it from starting; who holds what it waits for
//   reasons.cc  the sentences
//   tell.cc     which of them an operator finds in the log, and when
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/core.h"
#include "core/limits.h"

namespace magneto::core {

// What one executor or driver asks of one worker.
struct Demand {
  std::vector<std::string> runtimes;  // any one of them
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  ResourceAmounts resources;
  auto operator<=>(const Demand&) const = default;
};

// What a worker lacks of a demand; kinds of which nothing is missing are 0, resources left out.
struct Missing {
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  ResourceAmounts resources;
  size_t kinds() const { return (cores > 0) + (memory_mb > 0) + resources.size(); }
};

// The worker that takes anything new and has the runtime that misses least. One that would fit when
// idle is closer than any that never does. Of those, the closer one misses fewer kinds (cores,
// memory, each resource), then less in proportion to the demand, summed over the kinds; ties go to
// the smaller id. Those that fit when idle are compared by what is missing now, the others by what
// is missing when idle: that is what somebody has to change.
struct Closest {
  const Worker* worker = nullptr;  // null: no worker that takes anything new has the runtime
  Missing now;
  Missing when_idle;
  bool fits_when_idle() const { return when_idle.kinds() == 0; }
};

// Each worker is counted once, under the first that rules it out.
struct Survey {
  uint32_t workers = 0;
  uint32_t ruled_out_by_state = 0;
  uint32_t ruled_out_by_runtime = 0;
  uint32_t ruled_out_by_cores = 0;
  uint32_t ruled_out_by_memory = 0;
  uint32_t ruled_out_by_resources = 0;
  uint32_t fitting = 0;
  uint32_t fitting_when_idle = 0;  // of those that cores, memory or resources rule out
  Closest closest;
  // Of those that their state rules out.
  uint32_t dead = 0;
  uint32_t decommissioned = 0;
  uint32_t unhealthy = 0;  // alive
  // Of the unhealthy: would fit if they were healthy and idle; the one with the smallest id.
  uint32_t unhealthy_that_fit = 0;
  std::string unhealthy_id;
  std::string unhealthy_report;
  // The most that a worker that takes anything new, with the runtime, has in all.
  uint32_t most_cores = 0;
  uint32_t most_memory_mb = 0;
  std::vector<uint32_t> most_resources;  // in the order of Demand::resources
  // What those workers have instead of the runtime: the first few found, sorted by name.
  std::vector<std::string> other_runtimes;

  uint32_t taking_new() const { return workers - ruled_out_by_state; }
  uint32_t with_runtime() const { return taking_new() - ruled_out_by_runtime; }
  bool never_fits() const { return fitting == 0 && fitting_when_idle == 0; }
};

// ---- survey.cc ----
Survey survey(const State& state, const Demand& demand);

enum class Limit : uint8_t { none, cores_max, executor_limit, max_drivers, master_state, earlier };

// Whose executors or driver hold how much of a worker.
struct Holder {
  std::string id;  // of the application or driver
  uint32_t cores = 0;
  uint32_t memory_mb = 0;
  std::vector<uint32_t> resources;  // in the order of Demand::resources
};

// ---- reasons.cc ----
// How the settings that decide a demand are called by the one who made it.
struct Words {
  std::string what;  // "an executor", "the driver"
  std::string cores;
  std::string memory;
  std::string cores_max;
  bool is_spark = false;        // of a JVM that refuses less than limits::least_spark_memory_mb
  std::string resource_before;  // the setting for one resource is called before + name + after
  std::string resource_after;

  std::string resource(Text name) const;
};
Words words_of(const Application& application, const Request& request);
Words words_of(const Driver& driver);

// One sentence each, without a capital and a full stop: why it waits; what would let it start.
struct Sentences {
  std::string reason;
  std::string advice;
};
// When no worker fits though nothing else forbids it. Depends on the set of workers only, not on
// what runs on them: fit for the log, which must not say a thing twice.
Sentences worker_sentences(const Survey& survey, const Demand& demand, const Words& words);
// Goes behind a reason; empty when no unhealthy worker would help.
std::string unhealthy_clause(const Survey& survey, const Words& words);
// When a worker would fit that is busy now. `own_id`: of the one who waits; `same`: how many ask
// the same before it, `before`: how many wait before it.
Sentences busy_sentences(const Survey& survey, const Demand& demand, const Words& words,
                         const std::vector<Holder>& holders, Text own_id, size_t same,
                         size_t before);
Sentences cores_max_sentences(const Application& application, const Request& request,
                              const Words& words);
Sentences executor_limit_sentences(const Application& application, const Request& request,
                                   const Words& words);
Sentences max_drivers_sentences(uint32_t max_drivers);
// `held`: a recovery keeps an application with a limit waiting, which has answered.
Sentences master_state_sentences(MasterState state, bool held);
Sentences left_out_sentences();

// ---- explain.cc ----
Demand demand_of(const Application& application, const Shape& shape);
Demand demand_of(const Driver& driver);
// Which of the application's own settings forbids another executor; else none.
Limit own_limit(const Application& application, const Request& request);
// There is something to explain of it.
bool waits(const Application& application);
// A5: as many drivers are placed as may be.
bool drivers_at_limit(const Core& core);

struct Explanation {
  uint32_t profile_id = 0;
  const Demand* demand = nullptr;
  const Survey* survey = nullptr;  // all zero when it was left out
  std::optional<uint32_t> wanted;  // none: as many as fit
  Limit limit = Limit::none;
  std::string reason;
  std::string advice;
};

// Explains many at one moment; walks the workers once for each demand that differs, as long as
// limits::max_surveys_per_view and `most_workers` allow. Ask in the order of the queue: waiting
// drivers first (A2), then applications by registration (A7): the oldest are explained if not all
// can be.
class Explainer {
 public:
  explicit Explainer(const Core& core,
                     uint64_t most_workers = limits::max_workers_surveyed_per_view)
      : core_(core), most_workers_(most_workers) {}

  // One for each resource profile that wants executors; one for the default profile when nothing is
  // wanted and nothing runs. Valid as long as this object and the state.
  std::vector<Explanation> explain(const Application& application);
  Explanation explain(const Driver& driver);  // that waits
  // The same of one alone, in any order: those before it are counted where they stand in the queue.
  std::vector<Explanation> explain_alone(const Application& application);
  Explanation explain_alone(const Driver& driver);  // that waits

  uint64_t workers_visited() const { return workers_visited_; }

 private:
  struct Entry {
    Survey survey;
    bool left_out = false;
    std::vector<Holder> holders;  // on the closest worker, once it is asked for
    bool has_holders = false;
    size_t asked = 0;  // by how many drivers and applications so far
  };
  using Known = std::pair<const Demand, Entry>;
  using Orders = std::vector<uint64_t>;  // of those in one queue, ascending
  using Drivers = std::map<uint64_t, DriverSlot>;

  Known& know(Demand demand);
  // Made when they are first asked for: of all applications that want any, of those that want some
  // of one shape, of drivers that wait.
  const Orders& queue();
  const Orders& queue(const Shape& shape);
  const Orders& queue(const Drivers& waiting);
  const std::vector<Holder>& holders(Known& known);
  Explanation explain(const Application& application, const Request& request);
  void say(Explanation& explanation, Known& known, const Words& words, Text own_id,
           const Sentences& limited);

  const Core& core_;
  const uint64_t most_workers_;
  std::map<Demand, Entry> known_;
  std::optional<Orders> queue_;
  std::map<const Shape*, Orders> shape_queues_;
  std::map<const Drivers*, Orders> driver_queues_;
  size_t surveys_ = 0;
  size_t before_ = 0;  // drivers and applications that wait, asked about so far
  uint64_t workers_visited_ = 0;
};

}  // namespace magneto::core
