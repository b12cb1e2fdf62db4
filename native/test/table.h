// Scenario tables (native/test/tables/README.md): one row an action, then all that it causes.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace magneto::test {

struct Row {
  int line = 0;
  std::string verb;
  std::vector<std::string> words;              // without '='
  std::map<std::string, std::string> options;  // key=value
  std::string outcome;
  std::string action;  // as written
};

struct Scenario {
  std::string title;
  std::vector<Row> rows;
};

// Throws std::runtime_error naming the line that is no row.
std::vector<Scenario> parse_tables(const std::string& text);

// Runs one scenario; returns its rows with what really happened, as the table would have it.
std::vector<std::string> run_scenario(const Scenario& scenario);

}  // namespace magneto::test
