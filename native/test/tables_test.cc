// Runs every table. MAGNETO_SHOW_TABLES=1 prints what really happened, to write a new scenario:
// read it against the spec before it goes into a table.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "doctest/doctest.h"
#include "test/table.h"

namespace magneto::test {

namespace {

std::vector<std::filesystem::path> tables() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator("test/tables"))
    if (entry.path().extension() == ".txt") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void show(const Scenario& scenario, const std::vector<std::string>& outcomes) {
  std::cout << "\n== " << scenario.title << "\n";
  for (size_t at = 0; at < outcomes.size(); ++at) {
    const std::string& action = scenario.rows[at].action;
    std::cout << action;
    if (scenario.rows[at].verb != "config")
      std::cout << std::string(action.size() < 40 ? 40 - action.size() : 0, ' ') << " | "
                << outcomes[at];
    std::cout << "\n";
  }
}

}  // namespace

TEST_CASE("scenario tables") {
  const auto files = tables();
  REQUIRE(!files.empty());
  for (const auto& file : files) {
    const auto scenarios = parse_tables(read(file));
    CHECK(!scenarios.empty());
    for (const Scenario& scenario : scenarios) {
      INFO(file.string(), ": ", scenario.title);
      const auto outcomes = run_scenario(scenario);
      if (std::getenv("MAGNETO_SHOW_TABLES")) {
        show(scenario, outcomes);
        continue;
      }
      for (size_t at = 0; at < outcomes.size(); ++at) {
        INFO("line ", scenario.rows[at].line, ": ", scenario.rows[at].action);
        CHECK(outcomes[at] == scenario.rows[at].outcome);
      }
    }
  }
}

TEST_CASE("a table fails when an effect is missing from it") {
  const auto scenarios = parse_tables("== one\nworker w1 |\n");
  CHECK(run_scenario(scenarios.at(0)).at(0) != scenarios.at(0).rows.at(0).outcome);
}

}  // namespace magneto::test
