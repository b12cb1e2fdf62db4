#include "spawn/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <memory>
#include <thread>
#include <utility>

// Between clone and exec the child runs on the memory of this process: it calls nothing that
// takes a lock or allocates, and nothing there is instrumented.
#define IN_CHILD __attribute__((no_sanitize("address", "undefined")))

namespace magneto::spawn {
namespace {

constexpr auto kByPidfd = static_cast<idtype_t>(3);  // P_PIDFD, which older headers lack
constexpr unsigned kCloseOnExec = 1u << 2;           // CLOSE_RANGE_CLOEXEC
constexpr int kFirstOwn = 3;
constexpr int kMaxClosed = 65536;
constexpr size_t kStackBytes = 64 * 1024;
const char* const kShell = "/bin/sh";

constexpr uint64_t kShortTurnNs = 100'000;

// As sched_setattr takes it; older headers lack it.
struct Scheduling {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime_ns;
  uint64_t deadline_ns;
  uint64_t period_ns;
};

struct Job {
  const Plan* plan;
  char* const* argv;
  // The same for a script without a first line that names its interpreter, as execvp does it:
  // [0] the shell, [1] the script.
  char** shell_argv;
  char* const* envp;
  // Written by the child.
  volatile Step step;
  volatile int error;
  volatile int64_t exec_ns;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const auto& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

IN_CHILD int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Who asks for short turns gets them sooner. 0: the usual ones. Linux before 6.12 takes no notice.
IN_CHILD void ask_for_turns(uint64_t runtime_ns) {
  Scheduling now{};
  if (syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) != 0 || now.policy != SCHED_OTHER) return;
  now.runtime_ns = runtime_ns;
  syscall(SYS_sched_setattr, 0, &now, 0);
}

// Ignored signals would stay ignored after the exec: Node ignores SIGPIPE.
IN_CHILD void reset_signals() {
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) sigaction(signal, &usual, nullptr);
  }
}

IN_CHILD bool place_stdio(const int (&wanted)[3]) {
  int from[3];
  // Out of the way first: one that is wanted may stand where another goes.
  for (int target = 0; target < kFirstOwn; ++target) {
    from[target] =
        wanted[target] == kNullDevice ? open("/dev/null", O_RDWR | O_CLOEXEC) : wanted[target];
    if (from[target] >= 0 && from[target] < kFirstOwn)
      from[target] = fcntl(from[target], F_DUPFD_CLOEXEC, kFirstOwn);
    if (from[target] < 0) return false;
  }
  for (int target = 0; target < kFirstOwn; ++target) {
    if (dup2(from[target], target) < 0) return false;
  }
  return true;
}

IN_CHILD void close_others_on_exec() {
  if (syscall(SYS_close_range, kFirstOwn, ~0u, kCloseOnExec) == 0) return;
  // Before Linux 5.11. What Node opens is closed on exec anyway.
  for (int fd = kFirstOwn; fd < kMaxClosed; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// Below PIPE_BUF: written whole or not at all, whoever else writes.
IN_CHILD bool name_to_guardian(int fd) {
  char line[16];
  char* at = line + sizeof line;
  *--at = '\n';
  for (pid_t rest = getpid(); rest > 0; rest /= 10) *--at = static_cast<char>('0' + rest % 10);
  *--at = '+';
  const auto length = line + sizeof line - at;
  return write(fd, at, static_cast<size_t>(length)) == length;
}

// SIGSTOP comes by itself in the midst of the exec, before the first instruction of the program: it
// closes both ends of a pipe, in an order of its own, and the first is a signal to who has the
// second. Sent from outside it would come late by what the program burns of its turn while its
// starter waits for that processor: milliseconds.
IN_CHILD void stop_at_exec() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  for (const int end : ends) {
    fcntl(end, F_SETSIG, SIGSTOP);
    fcntl(end, F_SETOWN, getpid());
    fcntl(end, F_SETFL, O_ASYNC);
  }
}

// Returns only when no candidate could be started, with the errno to report.
IN_CHILD int exec_first(Job& job) {
  int error = ENOENT;
  for (const auto& program : job.plan->programs) {
    job.exec_ns = monotonic_ns();
    execve(program.c_str(), job.argv, job.envp);
    if (errno == ENOEXEC) {
      job.shell_argv[1] = const_cast<char*>(program.c_str());
      execve(kShell, job.shell_argv, job.envp);
    }
    // As execvp: a better one may follow, but that there was one is worth more than ENOENT.
    if (errno == EACCES) {
      error = EACCES;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return errno;
    }
  }
  return error;
}

[[noreturn]] IN_CHILD void give_up(Job& job, Step step, int error) {
  job.step = step;
  job.error = error;
  _exit(127);
}

IN_CHILD int child_main(void* raw) {
  Job& job = *static_cast<Job*>(raw);
  const Plan& plan = *job.plan;
  // A group of its own, which whoever ends it can end whole; it comes before its name is told.
  setsid();
  // For when worker and guardian are killed at once.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  reset_signals();
  if (chdir(plan.directory.c_str()) != 0) give_up(job, Step::kDirectory, errno);
  if (!place_stdio(plan.stdio)) give_up(job, Step::kStdio, errno);
  close_others_on_exec();
  // From here on the guardian's pipe has its name; it can't end before, since this holds it open.
  if (!name_to_guardian(plan.guardian)) give_up(job, Step::kGuardian, errno);
  ask_for_turns(0);
  if (plan.stopped) stop_at_exec();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  give_up(job, Step::kExec, exec_first(job));
}

char* stack_top() {
  // One a thread: the thread stands still until the child has left it.
  thread_local const std::unique_ptr<char[]> stack(new char[kStackBytes]);
  const auto top = reinterpret_cast<uintptr_t>(stack.get() + kStackBytes);
  return reinterpret_cast<char*>(top & ~uintptr_t{15});
}

}  // namespace

bool supported() {
  const auto own = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  if (own < 0) return false;
  siginfo_t info{};
  // No child of ours: ECHILD from a kernel that knows the question, EINVAL from others.
  const bool known =
      waitid(kByPidfd, static_cast<id_t>(own), &info, WEXITED | WNOHANG) != 0 && errno == ECHILD;
  close(own);
  return known;
}

void take_short_turns() { ask_for_turns(kShortTurnNs); }

Start start(const Plan& plan) {
  const auto argv = pointers(plan.arguments);
  const auto envp = pointers(plan.environment);
  auto shell_argv = argv;
  shell_argv.insert(shell_argv.begin(), const_cast<char*>(kShell));
  if (shell_argv.size() < kFirstOwn) shell_argv.insert(shell_argv.begin() + 1, nullptr);
  Job job{&plan, argv.data(), shell_argv.data(), envp.data(), Step::kStarted, 0, 0};
  char* const stack = stack_top();

  // No handler of this process may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  const int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  const pid_t pid = clone(child_main, stack, flags, &job, &pidfd);
  const int clone_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);

  if (pid < 0) return {Step::kClone, clone_error, -1, -1, 0};
  if (job.error != 0) {
    if (job.step == Step::kExec) return {job.step, job.error, pid, pidfd, 0};
    reap(pidfd);
    return {job.step, job.error, pid, -1, 0};
  }
  // Where stop_at_exec has no effect. Not reaped: the number is its own, also when it has ended.
  if (plan.stopped) kill(pid, SIGSTOP);
  return {Step::kStarted, 0, pid, pidfd, job.exec_ns};
}

bool has_ended(int pidfd, End& end) {
  siginfo_t info{};
  const int flags = WEXITED | WNOHANG | WNOWAIT;
  if (waitid(kByPidfd, static_cast<id_t>(pidfd), &info, flags) != 0) {
    // Taken by who waits for any child; nothing in a worker does.
    end = {-1, SIGKILL};
    return errno == ECHILD;
  }
  if (info.si_pid == 0) return false;
  const bool exited = info.si_code == CLD_EXITED;
  end = exited ? End{info.si_status, 0} : End{-1, info.si_status};
  return true;
}

void reap(int pidfd) {
  siginfo_t info{};
  while (waitid(kByPidfd, static_cast<id_t>(pidfd), &info, WEXITED) != 0 && errno == EINTR) {
  }
  close(pidfd);
}

void reap_later(std::vector<Left> left, int grace_ms) {
  if (left.empty()) return;
  std::thread([left = std::move(left), grace_ms] {
    using std::chrono::steady_clock;
    const auto deadline = steady_clock::now() + std::chrono::milliseconds(grace_ms);
    for (const auto& [pid, pidfd] : left) {
      const auto rest =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
      pollfd ended{pidfd, POLLIN, 0};
      poll(&ended, 1, static_cast<int>(std::max<int64_t>(rest.count(), 0)));
      kill(-pid, SIGKILL);
      reap(pidfd);
    }
  }).detach();
}

}  // namespace magneto::spawn
