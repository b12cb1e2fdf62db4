#include "test/table.h"

#include <algorithm>
#include <deque>
#include <sstream>
#include <stdexcept>

#include "codec/engine.h"
#include "codec/gen/store_generated.h"
#include "test/messages.h"

namespace magneto::test {

namespace {

const char* const state_names[] = {"LAUNCHING", "RUNNING", "KILLED",        "FAILED",
                                   "LOST",      "EXITED",  "DECOMMISSIONED"};

const char* const driver_state_names[] = {"SUBMITTED", "RUNNING", "FINISHED", "RELAUNCHING",
                                          "UNKNOWN",   "KILLED",  "FAILED",   "ERROR"};

template <class State, size_t count>
State state_named(const char* const (&names)[count], const std::string& name) {
  const auto found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) throw std::runtime_error("no state " + name);
  return static_cast<State>(found - std::begin(names));
}

std::string trimmed(const std::string& text) {
  const size_t from = text.find_first_not_of(' ');
  if (from == std::string::npos) return {};
  return text.substr(from, text.find_last_not_of(' ') - from + 1);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::string text_of(const flatbuffers::String* from) { return from ? from->str() : ""; }

// Plays the peers and writes down every effect; sessions and applications go by their names in the
// table.
class Player {
 public:
  explicit Player(const ConfigOptions& options) : engine_(config(options)) {}

  std::string play(const Row& row) {
    inbox_.reset();
    act(row);
    const auto outbox = engine_.step(now_ms_, 60, inbox_.view());
    std::string outcome;
    codec::Record record;
    for (codec::BatchReader all(outbox); all.next(record);) {
      const std::string effect = told(record);
      if (effect.empty()) continue;
      outcome += (outcome.empty() ? "" : "; ") + effect;
    }
    engine_.check();
    return outcome;
  }

 private:
  // "web..." comes from the web thread, "gw..." through the gateway for Spark.
  uint64_t session(const std::string& name) {
    const auto known = sessions_.find(name);
    if (known != sessions_.end()) return known->second;
    const uint64_t source = name.starts_with("web")  ? core::web_source
                            : name.starts_with("gw") ? core::gateway_source
                                                     : 0;
    const uint64_t id = ++next_session_ + (source << core::session_source_shift);
    sessions_[name] = id;
    names_[id] = name;
    inbox_.add(static_cast<uint32_t>(codec::InboxKind::connected), id, name + ":1");
    return id;
  }

  void say(const std::string& name, const Bytes& message) {
    const uint64_t id = session(name);
    inbox_.add(static_cast<uint32_t>(codec::InboxKind::message), id,
               std::span<const uint8_t>(message));
  }

  std::string app_id(const std::string& name) const {
    const auto known = app_ids_.find(name);
    return known == app_ids_.end() ? name : known->second;
  }

  std::string app_name(const std::string& id) const {
    const auto known = app_names_.find(id);
    return known == app_names_.end() ? id : known->second;
  }

  std::string driver_id(const std::string& name) const {
    const auto known = driver_ids_.find(name);
    return known == driver_ids_.end() ? name : known->second;
  }

  std::string driver_name(const std::string& id) const {
    const auto known = driver_names_.find(id);
    return known == driver_names_.end() ? id : known->second;
  }

  static uint32_t number(const Row& row, const std::string& key, uint32_t otherwise) {
    const auto found = row.options.find(key);
    return found == row.options.end() ? otherwise
                                      : static_cast<uint32_t>(std::stoul(found->second));
  }

  static std::string option(const Row& row, const std::string& key, const std::string& otherwise) {
    const auto found = row.options.find(key);
    return found == row.options.end() ? otherwise : found->second;
  }

  static std::pair<std::string, uint32_t> executor(const std::string& text) {
    const size_t slash = text.find('/');
    return {text.substr(0, slash), static_cast<uint32_t>(std::stoul(text.substr(slash + 1)))};
  }

  void worker(const Row& row, const std::string& from) {
    WorkerOptions options;
    options.id = option(row, "id", row.words.at(0));
    options.host = option(row, "host", "h-" + options.id);
    options.cores = number(row, "cores", 4);
    options.memory_mb = number(row, "mem", 4096);
    options.runtimes = split(option(row, "runtimes", "node"), ',');
    if (row.options.contains("gpu")) options.resources["gpu"] = split(row.options.at("gpu"), ',');
    options.health_report = option(row, "ill", "");
    say(from, register_worker(options));
  }

  void application(const Row& row, const std::string& from) {
    ApplicationOptions options;
    options.name = option(row, "name", row.words.at(0));
    std::replace(options.name.begin(), options.name.end(), '+', ' ');
    if (row.options.contains("spark")) options.spark = Bytes(4, 0xac);
    options.runtime = option(row, "runtime", "node");
    options.driver = option(row, "driver", "");
    if (row.options.contains("max")) options.max_cores = number(row, "max", 0);
    if (row.options.contains("limit")) options.limit = number(row, "limit", 0);
    options.profile.cores = number(row, "cores", 0);
    options.profile.memory_mb = number(row, "mem", 1024);
    if (row.options.contains("gpu")) options.profile.resources["gpu"] = number(row, "gpu", 0);
    registering_ = row.words.at(0);
    say(from, register_application(options));
  }

  void state(const Row& row) {
    StateOptions options;
    const auto [name, id] = executor(row.words.at(1));
    options.app_id = app_id(name);
    options.executor_id = id;
    options.state = state_named<core::ExecutorState>(state_names, row.words.at(2));
    if (row.options.contains("exit")) options.exit_status = std::stoi(row.options.at("exit"));
    say(row.words.at(0), state_changed(options));
  }

  void driver(const Row& row) {
    DriverOptions options;
    options.cores = number(row, "cores", 1);
    options.memory_mb = number(row, "mem", 1024);
    options.supervise = option(row, "supervise", "false") == "true";
    options.runtimes = split(option(row, "runtimes", "node"), ',');
    if (row.options.contains("gpu")) options.resources["gpu"] = number(row, "gpu", 0);
    submitting_ = row.words.at(0);
    say(option(row, "from", "client"), submit_driver(options));
  }

  // What operators and submitters ask. False: the row is something else.
  bool ask(const Row& row, const std::string& name) {
    const std::string from = option(row, "from", "client");
    if (row.verb == "submit")
      driver(row);
    else if (row.verb == "killdriver")
      say(from, kill_driver(driver_id(name)));
    else if (row.verb == "killdrivers")
      say(from, kill_all_drivers());
    else if (row.verb == "status")
      say(from, driver_status(driver_id(name)));
    else if (row.verb == "clear")
      say(from, clear_completed());
    else if (row.verb == "readyz")
      say(from, readyz());
    else if (row.verb == "decommission")
      say(from, decommission_hosts(row.words));
    else
      return false;
    return true;
  }

  // PROFILE=TOTAL or PROFILE=TOTAL:CORES:MEM
  void request(const Row& row) {
    std::vector<std::pair<ProfileOptions, uint32_t>> targets;
    for (const auto& [id, value] : row.options) {
      if (id == "from") continue;
      const auto parts = split(value, ':');
      ProfileOptions profile{static_cast<uint32_t>(std::stoul(id)), 0, 0, {}};
      if (parts.size() > 1) profile.cores = static_cast<uint32_t>(std::stoul(parts[1]));
      if (parts.size() > 2) profile.memory_mb = static_cast<uint32_t>(std::stoul(parts[2]));
      targets.emplace_back(profile, static_cast<uint32_t>(std::stoul(parts.at(0))));
    }
    const std::string name = row.words.at(0);
    say(option(row, "from", name), request_executors(app_id(name), targets));
  }

  // APP/EXECUTOR or APP/EXECUTOR:STATE, and DRIVER
  void latest(const Row& row, const std::string& from) {
    std::vector<core::KnownExecutor> executors;
    std::deque<std::string> ids;
    std::vector<std::string> drivers;
    for (size_t at = 1; at < row.words.size(); ++at) {
      const std::string& word = row.words[at];
      if (word.find('/') == std::string::npos) {
        drivers.push_back(driver_id(word));
        continue;
      }
      const auto [app, id] = executor(word);
      const size_t colon = word.find(':');
      const auto state = colon == std::string::npos ? core::ExecutorState::launching
                                                    : state_named<core::ExecutorState>(
                                                          state_names, word.substr(colon + 1));
      executors.push_back({ids.emplace_back(app_id(app)), id, state});
    }
    say(from, latest_state(row.words.at(0), executors, drivers));
  }

  void act(const Row& row) {
    const std::string name = row.words.empty() ? "" : row.words.front();
    const std::string from = option(row, "from", name);
    if (row.verb == "worker") return worker(row, from);
    if (row.verb == "app") return application(row, from);
    if (row.verb == "state") return state(row);
    if (ask(row, name)) return;
    if (row.verb == "driverstate")
      return say(name, driver_state_changed(
                           driver_id(row.words.at(1)),
                           state_named<core::DriverState>(driver_state_names, row.words.at(2)),
                           option(row, "exception", ""), number(row, "request", 0)));
    if (row.verb == "decommissioning") return say(from, worker_decommissioning(name));
    if (row.verb == "unhealthy")
      return say(from, worker_health(name, false, option(row, "report", "")));
    if (row.verb == "healthy") return say(from, worker_health(name, true));
    if (row.verb == "request") return request(row);
    if (row.verb == "beat") return say(from, heartbeat(name));
    if (row.verb == "unregister") return say(from, unregister_application(app_id(name)));
    if (row.verb == "webkill")
      return say(option(row, "from", "web"), kill_application(app_id(name)));
    if (row.verb == "bytes") return say(from, Bytes(40, 0xee));
    if (row.verb == "kill")
      return say(from, kill_executors(app_id(name), {row.words.begin() + 1, row.words.end()}));
    if (row.verb == "latest") return latest(row, from);
    happen(row, name);
  }

  void happen(const Row& row, const std::string& name) {
    using codec::InboxKind;
    const auto add = [&](InboxKind kind, uint64_t id, double argument = 0) {
      inbox_.add(static_cast<uint32_t>(kind), id, std::string_view("gone"), argument);
    };
    if (row.verb == "drop") {
      add(InboxKind::disconnected, sessions_.at(name));
      sessions_.erase(name);
    } else if (row.verb == "wait") {
      now_ms_ += std::stoll(name);
    } else if (row.verb == "timer") {
      now_ms_ += std::stoll(name);
      add(InboxKind::timer, 0);
    } else if (row.verb == "stored") {
      add(InboxKind::stored, 0, std::stod(name));
    } else if (row.verb == "elected") {
      add(InboxKind::elected, 0);
    } else if (row.verb == "storefail") {
      add(InboxKind::store_failed, 0);
    } else {
      throw std::runtime_error("no action " + row.verb);
    }
  }

  // A key by the names of the table.
  std::string kept(const std::string& key) const {
    const size_t end = key.rfind('_');
    if (end == std::string::npos) return key;
    const std::string id = key.substr(end + 1);
    return key.substr(0, end + 1) + (key.find("driver_") == std::string::npos
                                         ? app_name(id)
                                         : driver_name(id));
  }

  std::string told(const codec::Record& record) {
    const auto id = static_cast<uint64_t>(record.session);
    const std::string after =
        record.argument > 0 ? "@" + std::to_string(static_cast<uint64_t>(record.argument)) : "";
    switch (static_cast<codec::OutboxKind>(record.kind)) {
      case codec::OutboxKind::send:
        return names_.at(id) + " " + sent(*control::GetMessage(record.payload.data())) + after;
      case codec::OutboxKind::close:
        return names_.at(id) + " CLOSE" + after;
      case codec::OutboxKind::persist:
        return "persist " + kept(store::GetRecord(record.payload.data())->key()->str()) + after;
      case codec::OutboxKind::forget:
        return "forget " + kept(std::string(record.text())) + after;
      case codec::OutboxKind::set_timer:
        return "timer +" + std::to_string(static_cast<int64_t>(record.argument) - now_ms_);
      case codec::OutboxKind::notice: {
        const auto* notice = flatbuffers::GetRoot<core::Notice>(record.payload.data());
        if (notice->level() < core::Level::WARN) return {};
        return "notice " + notice->code()->str();
      }
    }
    return "unknown effect";
  }

  std::string sent(const control::Message& message) {
    using control::Body;
    const auto text = text_of;
    std::ostringstream out;
    out << control::EnumNameBody(message.body_type());
    if (const auto* m = message.body_as_WorkerRegistered()) {
      if (m->duplicate()) out << " duplicate";
    } else if (const auto* m = message.body_as_LaunchExecutor()) {
      out << " " << app_name(text(m->app_id())) << "/" << m->executor_id() << " c" << m->cores()
          << " m" << m->memory_mb();
      if (m->profile_id()) out << " p" << m->profile_id();
      if (m->spark_description()) out << " spark" << m->spark_description()->size();
      out << held(*m->resources());
    } else if (const auto* m = message.body_as_LaunchDriver()) {
      out << " " << driver_name(text(m->driver_id())) << held(*m->resources());
    } else if (const auto* m = message.body_as_KillDriver()) {
      out << " " << driver_name(text(m->driver_id()));
    } else if (const auto* m = message.body_as_DriverStatusResponse()) {
      out << status(*m);
    } else if (const auto* m = message.body_as_KillExecutor()) {
      out << " " << app_name(text(m->app_id())) << "/" << m->executor_id();
    } else if (const auto* m = message.body_as_ApplicationFinished()) {
      out << " " << app_name(text(m->app_id()));
    } else if (const auto* m = message.body_as_ApplicationRegistered()) {
      const std::string id = text(m->app_id());
      if (!app_names_.contains(id)) {
        app_names_[id] = registering_;
        app_ids_[registering_] = id;
      }
      out << " " << id;
    } else if (const auto* m = message.body_as_ExecutorAdded()) {
      out << " " << m->executor_id() << " " << text(m->worker_id());
    } else if (const auto* m = message.body_as_ExecutorUpdated()) {
      out << " " << m->executor_id() << " " << state_names[static_cast<int>(m->state())];
      if (m->exit_status().has_value()) out << " exit" << *m->exit_status();
      if (m->worker_host()) out << " " << m->worker_host()->str();
    } else if (const auto* m = message.body_as_WorkerRemoved()) {
      out << " " << text(m->worker_id()) << " " << text(m->host());
    } else if (const auto* m = message.body_as_ApplicationRemoved()) {
      out << " " << text(m->message());
    } else if (const auto* m = message.body_as_Reply()) {
      out << reply(*m);
    }
    return out.str();
  }

  static std::string held(
      const flatbuffers::Vector<flatbuffers::Offset<control::Resource>>& resources) {
    std::string all;
    for (const auto* each : resources)
      for (const auto* unit : *each->addresses())
        all += " " + each->name()->str() + ":" + unit->str();
    return all;
  }

  static std::string status(const control::DriverStatusResponse& message) {
    std::string out = message.found() ? " " : " unknown";
    if (message.found()) out += driver_state_names[static_cast<int>(message.state())];
    for (const auto* each : {message.worker_id(), message.worker_host_port(), message.exception()})
      if (each) out += " " + each->str();
    return out;
  }

  std::string reply(const control::Reply& message) {
    const std::string id = text_of(message.id());
    if (message.ok() && !id.empty() && !submitting_.empty()) {
      driver_names_[id] = submitting_;
      driver_ids_[submitting_] = id;
      submitting_.clear();
    }
    std::string out = message.ok() ? " true" : " false";
    if (message.count() > 0) out += " n" + std::to_string(message.count());
    if (message.message()) out += " '" + message.message()->str() + "'";
    return out;
  }

  codec::Engine engine_;
  codec::BatchWriter inbox_;
  int64_t now_ms_ = 1769250605000;  // 2026-01-24 10:30:05 UTC
  uint64_t next_session_ = 0;
  std::map<std::string, uint64_t> sessions_;
  std::map<uint64_t, std::string> names_;
  std::map<std::string, std::string> app_ids_;
  std::map<std::string, std::string> app_names_;
  std::map<std::string, std::string> driver_ids_;
  std::map<std::string, std::string> driver_names_;
  std::string registering_;
  std::string submitting_;
};

Row parse_row(const std::string& line, int number) {
  Row row;
  row.line = number;
  const size_t bar = line.find('|');
  row.action = trimmed(line.substr(0, bar));
  if (bar != std::string::npos) row.outcome = trimmed(line.substr(bar + 1));
  std::istringstream words(row.action);
  words >> row.verb;
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos)
      row.words.push_back(word);
    else
      row.options[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return row;
}

ConfigOptions configured(const Row& row) {
  const std::map<std::string, core::WorkerSelectionPolicy> policies = {
      {"CORES_FREE_DESC", core::WorkerSelectionPolicy::CORES_FREE_DESC},
      {"CORES_FREE_ASC", core::WorkerSelectionPolicy::CORES_FREE_ASC},
      {"MEMORY_FREE_ASC", core::WorkerSelectionPolicy::MEMORY_FREE_ASC},
      {"MEMORY_FREE_DESC", core::WorkerSelectionPolicy::MEMORY_FREE_DESC},
      {"WORKER_ID", core::WorkerSelectionPolicy::WORKER_ID}};
  ConfigOptions options;
  for (const auto& [key, value] : row.options) {
    if (key == "spread")
      options.spread = value == "true";
    else if (key == "policy")
      options.policy = policies.at(value);
    else if (key == "default_cores")
      options.default_cores = static_cast<uint32_t>(std::stoul(value));
    else if (key == "retries")
      options.retries = std::stoi(value);
    else if (key == "retained")
      options.retained = static_cast<uint32_t>(std::stoul(value));
    else if (key == "persistence")
      options.persistence = static_cast<uint32_t>(std::stoul(value));
    else if (key == "pattern")
      options.pattern = value;
    else if (key == "seed")
      options.seed = std::stoull(value);
    else if (key == "spread_drivers")
      options.spread_drivers = value == "true";
    else if (key == "max_drivers")
      options.max_drivers = static_cast<uint32_t>(std::stoul(value));
    else if (key == "retained_drivers")
      options.retained_drivers = static_cast<uint32_t>(std::stoul(value));
    else if (key == "driver_pattern")
      options.driver_pattern = value;
    else if (key == "modulo")
      options.modulo = static_cast<uint32_t>(std::stoul(value));
    else if (key == "name_as_id")
      options.name_as_id = value == "true";
    else if (key == "standby")
      options.standby = value == "true";
    else
      throw std::runtime_error("no setting " + key);
  }
  return options;
}

}  // namespace

std::vector<Scenario> parse_tables(const std::string& text) {
  std::vector<Scenario> scenarios;
  std::istringstream stream(text);
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    line = trimmed(line);
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("== ")) {
      scenarios.push_back({line.substr(3), {}});
      continue;
    }
    if (scenarios.empty())
      throw std::runtime_error("line " + std::to_string(number) + ": a row before any '== title'");
    scenarios.back().rows.push_back(parse_row(line, number));
  }
  return scenarios;
}

std::vector<std::string> run_scenario(const Scenario& scenario) {
  ConfigOptions options;
  size_t first = 0;
  std::vector<std::string> rows;
  if (!scenario.rows.empty() && scenario.rows[0].verb == "config") {
    options = configured(scenario.rows[0]);
    rows.emplace_back();
    first = 1;
  }
  Player player(options);
  for (size_t at = first; at < scenario.rows.size(); ++at) {
    try {
      rows.push_back(player.play(scenario.rows[at]));
    } catch (const std::exception& error) {
      throw std::runtime_error("line " + std::to_string(scenario.rows[at].line) + ": " +
                               error.what());
    }
  }
  return rows;
}

}  // namespace magneto::test
