// What an operator reads. Settings go by the names under which they are set; numbers are those of
// the moment; nothing is advised that would not help.
#include <algorithm>

#include "core/limits.h"
#include "core/schedule/explain.h"

namespace magneto::core {

namespace {

std::string number(uint64_t value) { return std::to_string(value); }

std::string cores_text(uint64_t cores) { return number(cores) + (cores == 1 ? " core" : " cores"); }

std::string memory_text(uint64_t memory_mb) { return number(memory_mb) + " MiB"; }

std::string list(const std::vector<std::string>& items) {
  std::string text;
  for (size_t at = 0; at < items.size(); ++at)
    text += (at == 0 ? "" : at + 1 == items.size() ? " and " : ", ") + items[at];
  return text;
}

std::string amounts(uint32_t cores, uint32_t memory_mb, const ResourceAmounts& resources) {
  std::vector<std::string> items;
  if (cores > 0) items.push_back(cores_text(cores));
  if (memory_mb > 0) items.push_back(memory_text(memory_mb));
  for (const auto& [name, amount] : resources) items.push_back(number(amount) + " " + name);
  return list(items);
}

std::string needs(const Demand& demand) {
  return amounts(demand.cores, demand.memory_mb, demand.resources);
}

std::string lacks(const Missing& missing) {
  return amounts(missing.cores, missing.memory_mb, missing.resources);
}

// "the runtime a", "the runtimes a or b"
std::string runtimes_text(const Demand& demand) {
  const auto& names = demand.runtimes;
  std::string text = names.size() == 1 ? "the runtime " : "one of the runtimes ";
  for (size_t at = 0; at < names.size(); ++at) text += (at == 0 ? "" : ", ") + names[at];
  return text;
}

constexpr Text spark_prefix = "spark-";
constexpr Text driver_suffix = "-driver";

// What gives a worker the runtime, where its name tells.
std::string runtime_hint(const Demand& demand) {
  if (demand.runtimes.size() != 1) return {};
  Text name = demand.runtimes.front();
  if (!name.starts_with(spark_prefix)) return {};
  name.remove_prefix(spark_prefix.size());
  if (!name.ends_with(driver_suffix)) return " (SPARK_HOME of Spark " + std::string(name) + ")";
  name.remove_suffix(driver_suffix.size());
  return " (one of Spark " + std::string(name) + " that hosts drivers)";
}

std::string start_worker(const Demand& demand) {
  return "start a worker that has " + runtimes_text(demand) + runtime_hint(demand) + ", with " +
         needs(demand) + " or more";
}

std::string at_most(uint64_t most) {
  return most == 0 ? " (none has any)" : " (at most " + number(most) + ")";
}

std::string too_small(const Survey& survey, const Demand& demand, const Words& words) {
  std::vector<std::string> items;
  if (survey.most_cores < demand.cores)
    items.push_back(cores_text(demand.cores) + at_most(survey.most_cores));
  if (survey.most_memory_mb < demand.memory_mb)
    items.push_back(memory_text(demand.memory_mb) + at_most(survey.most_memory_mb));
  for (size_t at = 0; at < demand.resources.size(); ++at)
    if (const auto& [name, amount] = demand.resources[at]; survey.most_resources[at] < amount)
      items.push_back(number(amount) + " " + name + at_most(survey.most_resources[at]));
  const std::string nobody = std::string("no ") + (survey.unhealthy > 0 ? "healthy " : "") +
                             "worker with " + runtimes_text(demand) + " has ";
  if (!items.empty()) return nobody + "the " + list(items) + " that " + words.what + " takes";
  return nobody + needs(demand) + " at once, as " + words.what + " takes; " +
         std::string(survey.closest.worker->id()) + " is closest, " +
         lacks(survey.closest.when_idle) + " short";
}

// What would have to be asked for to fit the closest worker; empty when that can't be.
std::string lower(const Survey& survey, const Demand& demand, const Words& words) {
  const Missing& missing = survey.closest.when_idle;
  std::vector<std::string> items;
  if (missing.cores > 0)
    items.push_back(words.cores + " to " + number(demand.cores - missing.cores));
  if (missing.memory_mb > 0) {
    const uint32_t left = demand.memory_mb - missing.memory_mb;
    if (words.is_spark && left < limits::least_spark_memory_mb) return {};
    items.push_back(words.memory + " to " + memory_text(left));
  }
  std::vector<std::string> steps;
  for (const auto& [name, lacking] : missing.resources)
    for (const auto& [asked_name, asked] : demand.resources) {
      if (asked_name != name) continue;
      if (asked == lacking)
        steps.push_back("ask for no " + name + " (" + words.resource(name) + ")");
      else
        items.push_back(words.resource(name) + " to " + number(asked - lacking));
    }
  if (!items.empty()) steps.insert(steps.begin(), "lower " + list(items) + " or less");
  return list(steps) + ", to fit " + std::string(survey.closest.worker->id());
}

struct Kind {
  std::string unit;     // " cores", " MiB", " gpu"
  uint64_t total = 0;   // of the worker
  size_t resource = 0;  // its place in the demand
  enum { cores, memory, resources } what = cores;
};

// The first kind of which the closest worker has too little now.
Kind first_missing(const Closest& closest, const Demand& demand) {
  const Worker& worker = *closest.worker;
  if (closest.now.cores > 0) return {" cores", worker.cores, 0, Kind::cores};
  if (closest.now.memory_mb > 0) return {" MiB", worker.memory_mb, 0, Kind::memory};
  const std::string& name = closest.now.resources.front().first;
  Kind kind{" " + name, 0, 0, Kind::resources};
  while (demand.resources[kind.resource].first != name) ++kind.resource;
  for (const ResourcePool& pool : worker.resources)
    if (pool.name == name) kind.total = pool.addresses.size();
  return kind;
}

uint64_t held(const Holder& holder, const Kind& kind) {
  if (kind.what == Kind::cores) return holder.cores;
  return kind.what == Kind::memory ? holder.memory_mb : holder.resources[kind.resource];
}

// Whether what it holds is all that is missing.
bool suffices(const Holder& holder, const Missing& missing, const Demand& demand) {
  if (holder.cores < missing.cores || holder.memory_mb < missing.memory_mb) return false;
  for (const auto& [name, lacking] : missing.resources)
    for (size_t at = 0; at < demand.resources.size(); ++at)
      if (demand.resources[at].first == name && holder.resources[at] < lacking) return false;
  return true;
}

// One whose end alone is enough if there is one, else who holds most; null: nobody else holds any.
const Holder* foremost(const std::vector<Holder>& holders, Text own_id, const Closest& closest,
                       const Demand& demand, const Kind& kind) {
  const Holder* best = nullptr;
  const auto rank = [&](const Holder& each) {
    return std::pair(suffices(each, closest.now, demand), held(each, kind));
  };
  for (const Holder& each : holders)
    if (each.id != own_id && held(each, kind) > 0 && (!best || rank(each) > rank(*best)))
      best = &each;
  return best;
}

std::string busy_advice(const Survey& survey, const Demand& demand,
                        const std::vector<Holder>& holders, Text own_id, size_t before) {
  const Closest& closest = survey.closest;
  const std::string worker(closest.worker->id());
  const Kind kind = first_missing(closest, demand);
  const Holder* who = foremost(holders, own_id, closest, demand, kind);
  if (!who)
    return "only its own executors run on " + worker + ", the closest; to have more of them " +
           start_worker(demand);
  const std::string share = number(held(*who, kind)) + " of " + number(kind.total) + kind.unit;
  if (before > 0)
    return (before == 1
                ? "the one that waits before it comes first where it fits; on "
                : "the " + number(before) + " that wait before it come first where they fit; on ") +
           worker + " " + who->id + " holds " + share;
  if (suffices(*who, closest.now, demand))
    return "it starts when " + who->id + " ends, which holds " + share + " on " + worker +
           ", or when such a worker joins";
  return "it starts when enough on " + worker + " ends, where " + who->id + " holds " + share +
         ", or when such a worker joins";
}

Sentences no_worker_sentences(const Survey& survey, const std::string& start) {
  if (survey.workers == 0) return {"no worker is registered", start};
  std::vector<std::string> states;
  if (survey.dead > 0) states.push_back(number(survey.dead) + " dead");
  if (survey.decommissioned > 0)
    states.push_back(number(survey.decommissioned) + " decommissioned");
  if (survey.unhealthy > 0) states.push_back(number(survey.unhealthy) + " unhealthy");
  const uint32_t unknown = survey.workers - survey.dead - survey.decommissioned - survey.unhealthy;
  if (unknown > 0) states.push_back(number(unknown) + " not heard of since recovery");
  return {"no worker is alive" + std::string(survey.unhealthy > 0 ? " and healthy" : "") + " (" +
              list(states) + ")",
          start};
}

// What those lack that take anything new.
Sentences able_sentences(const Survey& survey, const Demand& demand, const Words& words) {
  const std::string start = start_worker(demand);
  if (survey.taking_new() == 0) return no_worker_sentences(survey, start);
  if (survey.with_runtime() == 0) {
    const std::string able =
        survey.unhealthy > 0 ? "no healthy worker has " : "no alive worker has ";
    std::string reason = able + runtimes_text(demand);
    if (!survey.other_runtimes.empty())
      reason += " (they have " + list(survey.other_runtimes) + ")";
    return {reason, start};
  }
  const std::string lowered = lower(survey, demand, words);
  return {too_small(survey, demand, words), lowered.empty() ? start : lowered + ", or " + start};
}

}  // namespace

std::string Words::resource(Text name) const {
  return resource_before + std::string(name) + resource_after;
}

Words words_of(const Application& application, const Request& request) {
  Words words;
  words.what = "an executor";
  words.is_spark = application.runtime().starts_with(spark_prefix);
  words.cores_max = words.is_spark ? "spark.cores.max" : "maxCores";
  if (request.profile_id != application.default_profile_id) {
    const std::string profile = " of resource profile " + number(request.profile_id);
    words.cores = "the cores" + profile;
    words.memory = "the memory" + profile;
    words.resource_before = "the ";
    words.resource_after = profile;
  } else if (words.is_spark) {
    words.cores = "spark.executor.cores";
    words.memory = "spark.executor.memory";
    words.resource_before = "spark.executor.resource.";
    words.resource_after = ".amount";
  } else {
    words.cores = "executorCores";
    words.memory = "executorMemory";
    words.resource_before = "the ";
    words.resource_after = " of each executor";
  }
  return words;
}

Words words_of(const Driver&) {
  Words words;
  words.what = "the driver";
  words.cores = "spark.driver.cores";
  words.memory = "spark.driver.memory";
  words.is_spark = true;
  words.resource_before = "spark.driver.resource.";
  words.resource_after = ".amount";
  return words;
}

std::string unhealthy_clause(const Survey& survey, const Words& words) {
  const uint32_t count = survey.unhealthy_that_fit;
  if (count == 0) return {};
  const std::string report = survey.unhealthy_id + ": " + survey.unhealthy_report;
  if (count == 1) return "; 1 worker that could host " + words.what + " is unhealthy: " + report;
  return "; " + number(count) + " workers that could host " + words.what +
         " are unhealthy, such as " + report;
}

Sentences worker_sentences(const Survey& survey, const Demand& demand, const Words& words) {
  Sentences sentences = able_sentences(survey, demand, words);
  sentences.reason += unhealthy_clause(survey, words);
  if (survey.unhealthy_that_fit > 0)
    sentences.advice = "make " + survey.unhealthy_id + " healthy, or " + sentences.advice;
  return sentences;
}

Sentences busy_sentences(const Survey& survey, const Demand& demand, const Words& words,
                         const std::vector<Holder>& holders, Text own_id, size_t same,
                         size_t before) {
  const std::string closest(survey.closest.worker->id());
  if (survey.fitting > 0)
    return {closest + " has room for it", "it starts when the master places again"};
  const std::string large = "that could host " + words.what + " (" + needs(demand) + ")";
  const std::string short_of = lacks(survey.closest.now) + " short now";
  std::string reason = survey.fitting_when_idle == 1
                           ? "the only worker " + large + " is busy: " + closest + " is " + short_of
                           : "all " + number(survey.fitting_when_idle) + " workers " + large +
                                 " are busy: " + closest + " is closest, " + short_of;
  reason += unhealthy_clause(survey, words);
  if (same == 1) reason += "; one that asks the same waits before it";
  if (same > 1) reason += "; " + number(same) + " that ask the same wait before it";
  return {reason, busy_advice(survey, demand, holders, own_id, before)};
}

Sentences cores_max_sentences(const Application& application, const Request& request,
                              const Words& words) {
  const uint32_t chunk = std::max(request.cores, 1u);
  const std::string least = number(uint64_t{application.cores_granted} + chunk) + " or more";
  const std::string allowed = cores_text(application.cores_max);
  const std::string from =
      application.max_cores ? words.cores_max : "spark.deploy.defaultCores of the master";
  const std::string raise = (application.max_cores ? "raise " : "set ") + words.cores_max + " to ";
  if (application.cores_granted > 0)
    return {"it holds " + number(application.cores_granted) + " of the " + allowed +
                " it may have (" + from + "), and an executor takes " + number(chunk),
            raise + least + ", or let it give back other executors"};
  std::string advice = raise + least;
  if (application.cores_max > 0)
    advice += ", or lower " + words.cores + " to " + number(application.cores_max) + " or less";
  return {"an executor takes " + cores_text(chunk) + ", but the application may have " +
              number(application.cores_max) + " in all (" + from + ")",
          advice};
}

Sentences executor_limit_sentences(const Application& application, const Request& request,
                                   const Words& words) {
  if (request.executors >= request.target) {
    const std::string when =
        words.is_spark ? ", as dynamic allocation does while no task waits" : "";
    return {"it asks for no executors now" + when, "it starts when its driver asks for executors"};
  }
  return {"it has " + number(application.executors.size()) +
              " executors, the most that the master gives one application",
          "let each of its executors take more cores (" + words.cores + ")"};
}

Sentences max_drivers_sentences(uint32_t max_drivers) {
  return {"as many drivers run as spark.deploy.maxDrivers of the master allows (" +
              number(max_drivers) + ")",
          "it starts when one of them ends, or with a larger spark.deploy.maxDrivers"};
}

Sentences master_state_sentences(MasterState state, bool held) {
  if (state == MasterState::standby)
    return {"this master is STANDBY, and only the leader starts anything",
            "it starts when this master is elected"};
  if (held)
    return {"it has a limit, and workers that the master waits for may run executors of it",
            "it starts when all workers have answered, or after the grace time of the recovery"};
  return {"the master is recovering, and this application has not answered it yet",
          "it starts when its driver has answered, and ends when the recovery does without that"};
}

Sentences left_out_sentences() {
  return {"not explained: too many different demands wait, and the oldest are explained first",
          "ask again when some that wait before it have started"};
}

}  // namespace magneto::core
