// One child process, started as vfork does it: the child borrows this thread's memory until its
// exec, so that the cost does not grow with the process. Linux from 5.4 on; knows no Node.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace magneto::spawn {

constexpr int kNullDevice = -1;

struct Plan {
  // Where the program may be, tried in turn: what PATH makes of a plain name.
  std::vector<std::string> programs;
  std::vector<std::string> arguments;    // from argv[0] on
  std::vector<std::string> environment;  // NAME=value
  std::string directory;
  // What becomes of its descriptors 0, 1 and 2: one of this process, or kNullDevice.
  int stdio[3] = {kNullDevice, kNullDevice, kNullDevice};
  // Gets "+<pid>\n" before the exec; it does not block. See src/worker/guardian.ts.
  int guardian = -1;
  // Gets SIGSTOP at its exec: the program runs nothing until somebody sends SIGCONT.
  bool stopped = false;
};

// What a start did last; it failed there unless it is kStarted.
enum class Step { kStarted, kClone, kDirectory, kStdio, kGuardian, kExec };

struct Start {
  Step step = Step::kStarted;
  int error = 0;        // errno, when it failed
  pid_t pid = -1;       // -1: no process was made
  int pidfd = -1;       // the caller's to reap; -1: nothing is there
  int64_t exec_ns = 0;  // CLOCK_MONOTONIC, right before the exec
};

struct End {
  int code;    // -1: by a signal
  int signal;  // 0: by itself
};

// Whether this kernel, and what guards it, has all that is needed.
bool supported();

// For a thread that starts children: between others that only burn CPU it and each child, up to its
// exec, wait for a processor some hundred microseconds instead of milliseconds. Their share of it
// stays as it was.
void take_short_turns();

// Starts a child in a session of its own that has no descriptor but its three, every signal at its
// default, and gets TERM when this thread ends. Once its exec has succeeded it runs and has named
// itself to the guardian. A failure leaves nothing behind, but a failed exec leaves that name; its
// process is still to be reaped, so that its number is nobody else's until the guardian is told.
Start start(const Plan& plan);

// Whether the process has ended; its number stays taken until `reap`.
bool has_ended(int pidfd, End& end);
// Gives its number back and closes `pidfd`. Waits when it still runs.
void reap(int pidfd);

// Takes over children whose thread is gone: a thread waits for them, and from `grace_ms` on kills
// them with their groups. It ends with the process at the latest.
struct Left {
  pid_t pid;
  int pidfd;
};
void reap_later(std::vector<Left> left, int grace_ms);

}  // namespace magneto::spawn
