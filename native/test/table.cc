#include "test/table.h"

#include <algorithm>
#include <deque>
#include <sstream>
#include <stdexcept>

#include "codec/engine.h"
#include "codec/view.h"
#include "test/kept_store.h"
#include "test/messages.h"
#include "test/table_words.h"

namespace magneto::test {

namespace {

// Plays the peers and writes down every effect; sessions and applications go by their names in the
// table.
class Player {
 public:
  explicit Player(const ConfigOptions& options)
      : options_(options), engine_(std::make_unique<codec::Engine>(config(options))) {}

  std::string play(const Row& row) {
    inbox_.reset();
    act(row);
    const auto outbox = engine_->step(now_ms_, 60, inbox_.view());
    std::string outcome;
    codec::Record record;
    for (codec::BatchReader all(outbox); all.next(record);) {
      store_.apply(record);
      const std::string effect = told(record);
      if (effect.empty()) continue;
      outcome += (outcome.empty() ? "" : "; ") + effect;
    }
    engine_->check();
    return row.verb == "show" ? show() : outcome;
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
    options.endpoint = option(row, "endpoint", "");
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

  // APP/EXECUTOR or APP/EXECUTOR:STATE, and DRIVER, with what they were launched with.
  void runs(const Row& row, const std::string& from) {
    std::vector<RunningExecutor> executors;
    std::vector<RunningDriver> drivers;
    for (size_t at = 1; at < row.words.size(); ++at) {
      const std::string& word = row.words[at];
      if (word.find('/') == std::string::npos) {
        const std::string id = driver_id(word);
        drivers.push_back(launched_drivers_.contains(id) ? launched_drivers_.at(id)
                                                         : RunningDriver{id, {}});
        continue;
      }
      const auto [app, id] = executor(word);
      const std::pair key{app_id(app), id};
      RunningExecutor running =
          launched_.contains(key) ? launched_.at(key) : RunningExecutor{key.first, id};
      const size_t colon = word.find(':');
      if (colon != std::string::npos)
        running.state = state_named<core::ExecutorState>(state_names, word.substr(colon + 1));
      running.cores = number(row, "cores", running.cores);
      running.memory_mb = number(row, "mem", running.memory_mb);
      if (row.options.contains("gpu")) running.resources["gpu"] = split(row.options.at("gpu"), ',');
      executors.push_back(running);
    }
    say(from, scheduler_state(row.words.at(0), executors, drivers));
  }

  // The master dies and another one starts as a standby; every connection is gone.
  void restart() {
    ConfigOptions options = options_;
    options.standby = true;
    engine_ = std::make_unique<codec::Engine>(config(options));
    sessions_.clear();
  }

  // KEY with the names of the table.
  std::string key_of(const std::string& text) const {
    const size_t end = text.rfind('_') + 1;
    return text.substr(0, end) + driver_id(app_id(text.substr(end)));
  }

  std::string show() const {
    const auto bytes = engine_->view(now_ms_);
    const auto& view = *view::GetClusterView(bytes.data());
    std::string out = shown(view);
    for (const auto* each : *view.active_applications())
      out += " " + app_name(each->id()->str()) + ":" +
             view::EnumNameApplicationState(each->state()) + ":" +
             std::to_string(each->cores_granted());
    for (const auto* each : *view.active_drivers())
      out +=
          " " + driver_name(each->id()->str()) + ":" + control::EnumNameDriverState(each->state());
    for (const auto* each : *view.completed_applications())
      out +=
          " " + app_name(each->id()->str()) + ":" + view::EnumNameApplicationState(each->state());
    for (const auto* each : *view.completed_drivers())
      out +=
          " " + driver_name(each->id()->str()) + ":" + control::EnumNameDriverState(each->state());
    return out;
  }

  // The store, leaders that come and go. False: the row is something else.
  bool lead(const Row& row, const std::string& name) {
    if (row.verb == "elected")
      store_.elect(inbox_, name.empty() ? 0 : static_cast<uint32_t>(std::stoul(name)));
    else if (row.verb == "restart")
      restart();
    else if (row.verb == "erase")
      store_.records.erase(key_of(name));
    else if (row.verb == "undo")
      store_.undo(key_of(name));
    else if (row.verb == "damage")
      store_.records.at(key_of(name)).at(5) ^= 0xff;
    else if (row.verb == "leader")
      inbox_.add(
          static_cast<uint32_t>(codec::InboxKind::leader), 0,
          std::span<const uint8_t>(name.empty() ? Bytes() : leader(name, number(row, "epoch", 0))));
    else if (row.verb == "runs")
      runs(row, option(row, "from", name));
    else if (row.verb == "ack")
      say(option(row, "from", name),
          master_change_acknowledged(app_id(name), {row.words.begin() + 1, row.words.end()}));
    else
      return row.verb == "show";
    return true;
  }

  void act(const Row& row) {
    const std::string name = row.words.empty() ? "" : row.words.front();
    const std::string from = option(row, "from", name);
    if (row.verb == "worker") return worker(row, from);
    if (row.verb == "app") return application(row, from);
    if (row.verb == "state") return state(row);
    if (ask(row, name) || lead(row, name)) return;
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
    } else {
      throw std::runtime_error("no action " + row.verb);
    }
  }

  // A key by the names of the table.
  std::string kept(const std::string& key) const {
    const size_t end = key.rfind('_');
    if (end == std::string::npos) return key;
    const std::string id = key.substr(end + 1);
    return key.substr(0, end + 1) +
           (key.find("driver_") == std::string::npos ? app_name(id) : driver_name(id));
  }

  std::string told(const codec::Record& record) {
    const auto id = static_cast<uint64_t>(record.session);
    const std::string after =
        record.argument > 0 ? "@" + std::to_string(static_cast<uint64_t>(record.argument)) : "";
    switch (static_cast<codec::OutboxKind>(record.kind)) {
      case codec::OutboxKind::send:
        is_attached_ = record.attached;
        return names_.at(id) + " " + sent(*control::GetMessage(record.payload.data())) + after;
      case codec::OutboxKind::attachment:
        attachment_bytes_ = record.payload.size();
        return {};
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

  static std::string epoch(uint32_t number) {
    return number > 0 ? " e" + std::to_string(number) : "";
  }

  static std::map<std::string, std::vector<std::string>> addresses(
      const flatbuffers::Vector<flatbuffers::Offset<control::Resource>>& from) {
    std::map<std::string, std::vector<std::string>> all;
    for (const auto* each : from)
      for (const auto* unit : *each->addresses()) all[each->name()->str()].push_back(unit->str());
    return all;
  }

  void remember(const control::LaunchExecutor& launch) {
    const std::string id = launch.app_id()->str();
    launched_[{id, launch.executor_id()}] = {id,
                                             launch.executor_id(),
                                             launch.profile_id(),
                                             launch.cores(),
                                             launch.memory_mb(),
                                             core::ExecutorState::running,
                                             addresses(*launch.resources())};
  }

  std::string sent(const control::Message& message) {
    using control::Body;
    const auto text = text_of;
    std::ostringstream out;
    out << control::EnumNameBody(message.body_type());
    if (const auto* m = message.body_as_WorkerRegistered()) {
      if (m->duplicate()) out << " duplicate";
      out << epoch(m->epoch());
    } else if (const auto* m = message.body_as_MasterChanged()) {
      out << epoch(m->epoch());
    } else if (const auto* m = message.body_as_MasterInStandby()) {
      if (m->leader_url()) out << " " << m->leader_url()->str();
      out << epoch(m->epoch());
    } else if (const auto* m = message.body_as_LaunchExecutor()) {
      remember(*m);
      out << " " << app_name(text(m->app_id())) << "/" << m->executor_id() << " c" << m->cores()
          << " m" << m->memory_mb();
      if (m->profile_id()) out << " p" << m->profile_id();
      if (is_attached_) out << " spark" << attachment_bytes_;
      out << held(*m->resources());
    } else if (const auto* m = message.body_as_LaunchDriver()) {
      launched_drivers_[text(m->driver_id())] = {text(m->driver_id()), addresses(*m->resources())};
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
      out << " " << id << epoch(m->epoch());
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

  const ConfigOptions options_;
  std::unique_ptr<codec::Engine> engine_;
  KeptStore store_;
  std::map<std::pair<std::string, uint32_t>, RunningExecutor> launched_;
  std::map<std::string, RunningDriver> launched_drivers_;
  size_t attachment_bytes_ = 0;
  bool is_attached_ = false;
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
    else if (key == "recovery")
      options.recovery_timeout_ms = static_cast<uint32_t>(std::stoul(value));
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
