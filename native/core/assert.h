// Invariants: on in every build. A broken one throws, and the process must not go on.
#pragma once

#include <stdexcept>
#include <string>

namespace magneto::core {

class BrokenInvariant : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] inline void broken(const char* what, const char* file, int line) {
  throw BrokenInvariant(std::string("invariant broken: ") + what + " (" + file + ":" +
                        std::to_string(line) + ")");
}

}  // namespace magneto::core

#define MAGNETO_ASSERT(condition) \
  ((condition) ? void(0) : ::magneto::core::broken(#condition, __FILE__, __LINE__))
