// What rows of a table are made of, and how messages and views read there.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "codec/gen/control_generated.h"
#include "codec/gen/view_generated.h"

namespace magneto::test {

extern const char* const state_names[7];  // of executors
extern const char* const driver_state_names[8];

template <class State, size_t count>
State state_named(const char* const (&names)[count], const std::string& name) {
  const auto found = std::find(std::begin(names), std::end(names), name);
  if (found == std::end(names)) throw std::runtime_error("no state " + name);
  return static_cast<State>(found - std::begin(names));
}

std::string trimmed(const std::string& text);
std::vector<std::string> split(const std::string& text, char separator);
std::string text_of(const flatbuffers::String* from);  // empty: null
std::string held(const flatbuffers::Vector<flatbuffers::Offset<control::Resource>>& resources);
std::string status(const control::DriverStatusResponse& message);
// The master's state, and each worker's with the cores that are used.
std::string shown(const view::ClusterView& view);

}  // namespace magneto::test
