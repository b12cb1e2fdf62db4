// Starting processes, under the sanitizers: the child borrows this process's memory until its exec.
#ifdef __linux__
#include "spawn/child.h"
#include "spawn/spawner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "doctest/doctest.h"

namespace {

using namespace magneto::spawn;

struct Pipe {
  int read = -1;
  int write = -1;
  explicit Pipe(int flags = 0) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC | flags) == 0);
    read = ends[0];
    write = ends[1];
  }
  ~Pipe() {
    close(read);
    close(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
};

Plan script(const Pipe& guardian, const std::string& text) {
  Plan plan;
  plan.programs = {"/nowhere/sh", "/bin/sh"};
  plan.arguments = {"sh", "-c", text};
  plan.environment = {"GIVEN=x"};
  plan.directory = "/";
  plan.guardian = guardian.write;
  return plan;
}

End end_of(const Start& start) {
  REQUIRE(start.step == Step::kStarted);
  pollfd ended{start.pidfd, POLLIN, 0};
  REQUIRE(poll(&ended, 1, -1) == 1);
  End end{};
  REQUIRE(has_ended(start.pidfd, end));
  // Not reaped yet: its number is nobody else's.
  CHECK(kill(start.pid, 0) == 0);
  reap(start.pidfd);
  return end;
}

std::string read_some(int fd) {
  char bytes[256];
  const auto count = read(fd, bytes, sizeof bytes);
  return {bytes, static_cast<size_t>(count > 0 ? count : 0)};
}

TEST_CASE("a start names itself to the guardian and ends with its code or signal") {
  const Pipe guardian(O_NONBLOCK);
  const auto start_one = [&](const char* text) { return start(script(guardian, text)); };
  const auto first = start_one("test \"$GIVEN\" = x && exit 7");
  CHECK(read_some(guardian.read) == "+" + std::to_string(first.pid) + "\n");
  CHECK(first.exec_ns > 0);
  CHECK(end_of(first).code == 7);
  const auto end = end_of(start_one("kill -s KILL $$"));
  CHECK(end.code == -1);
  CHECK(end.signal == SIGKILL);
}

TEST_CASE("a failure leaves no process, whatever step it is at") {
  const Pipe guardian(O_NONBLOCK);
  const auto failed = [](const Plan& plan, Step step, int error) {
    const auto made = start(plan);
    CHECK(made.step == step);
    CHECK(made.error == error);
    CHECK((made.pidfd >= 0) == (step == Step::kExec));
    if (made.pidfd >= 0) {
      // The guardian has its name: that must not be another's before the end is told.
      CHECK(kill(made.pid, 0) == 0);
      reap(made.pidfd);
    }
    CHECK(kill(made.pid, 0) != 0);
  };
  auto plan = script(guardian, "");
  plan.directory = "/nowhere";
  failed(plan, Step::kDirectory, ENOENT);
  plan.directory = "/";
  plan.stdio[1] = 1 << 20;
  failed(plan, Step::kStdio, EBADF);
  plan.stdio[1] = kNullDevice;
  CHECK(read_some(guardian.read).empty());
  plan.programs = {"/", "/nowhere"};
  failed(plan, Step::kExec, EACCES);
  plan.programs = {};
  failed(plan, Step::kExec, ENOENT);
  plan = script(guardian, "");
  while (write(guardian.write, "-9\n", 3) == 3) {
  }
  failed(plan, Step::kGuardian, EAGAIN);
}

TEST_CASE("short turns end at the exec") {
  const Pipe guardian(O_NONBLOCK);
  const Pipe out;
  std::string turns[2];
  std::thread([&] {
    for (auto& text : turns) {
      // The program sees its own: the usual ones both times.
      auto plan = script(guardian, "grep -E '^(policy|prio|se.slice)' /proc/self/sched; echo .");
      plan.stdio[1] = out.write;
      CHECK(end_of(start(plan)).code == 0);
      text = read_some(out.read);
      take_short_turns();
    }
  }).join();
  CHECK(turns[0] == turns[1]);
}

TEST_CASE("one that is to be stopped has done nothing until it is sent on") {
  const Pipe guardian(O_NONBLOCK);
  const Pipe out(O_NONBLOCK);
  auto plan = script(guardian, "echo up; exit 3");
  plan.stdio[1] = out.write;
  plan.stopped = true;
  for (int round = 0; round < 20; ++round) {
    const auto started = start(plan);
    siginfo_t info{};
    REQUIRE(waitid(P_PID, static_cast<id_t>(started.pid), &info, WSTOPPED | WNOWAIT) == 0);
    CHECK(info.si_code == CLD_STOPPED);
    std::ifstream file("/proc/" + std::to_string(started.pid) + "/maps");
    const std::string maps(std::istreambuf_iterator<char>(file), {});
    CHECK(maps.find("/ld-") != std::string::npos);
    // Its loader has not even begun.
    CHECK(maps.find("/libc") == std::string::npos);
    CHECK(read_some(out.read).empty());
    kill(started.pid, SIGCONT);
    CHECK(end_of(started).code == 3);
    CHECK(read_some(out.read) == "up\n");
  }
}

TEST_CASE("its descriptors may stand where others go") {
  const Pipe guardian(O_NONBLOCK);
  const Pipe out;
  const Pipe err;
  const int saved = dup(0);
  // Descriptor 0 of this process becomes its stderr.
  REQUIRE(dup2(err.write, 0) == 0);
  auto plan = script(guardian, "echo out; echo err >&2");
  plan.stdio[1] = out.write;
  plan.stdio[2] = 0;
  const auto started = start(plan);
  REQUIRE(dup2(saved, 0) == 0);
  close(saved);
  CHECK(end_of(started).code == 0);
  CHECK(read_some(out.read) == "out\n");
  CHECK(read_some(err.read) == "err\n");
}

TEST_CASE("a file without an interpreter is a script of the shell") {
  const Pipe guardian(O_NONBLOCK);
  char path[] = "/tmp/magneto-spawn-XXXXXX";
  const int file = mkstemp(path);
  REQUIRE(file >= 0);
  REQUIRE(write(file, "exit $1\n", 8) == 8);
  REQUIRE(fchmod(file, 0700) == 0);
  close(file);
  auto plan = script(guardian, "");
  plan.programs = {path};
  plan.arguments = {"mine", "5"};
  CHECK(end_of(start(plan)).code == 5);
  plan.arguments = {};
  CHECK(end_of(start(plan)).code == 0);
  unlink(path);
}

TEST_CASE("threads start side by side") {
  const Pipe guardian(O_NONBLOCK);
  std::vector<std::thread> threads;
  std::vector<int> codes(4);
  for (size_t index = 0; index < codes.size(); ++index) {
    threads.emplace_back([&, index] {
      const auto plan = script(guardian, "exit " + std::to_string(index + 1));
      for (int round = 0; round < 20; ++round) codes[index] += end_of(start(plan)).code;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(codes == std::vector<int>{20, 40, 60, 80});
}

// What has come of `count` orders with the numbers from 0 on.
std::vector<Made> all_of(Spawner& spawner, const Pipe& told, size_t count) {
  std::vector<Made> all;
  std::set<uint64_t> ids;
  while (all.size() < count) {
    pollfd readable{told.read, POLLIN, 0};
    REQUIRE(poll(&readable, 1, -1) == 1);
    read_some(told.read);
    for (const auto& made : spawner.take()) {
      all.push_back(made);
      ids.insert(made.id);
    }
  }
  CHECK(all.size() == count);
  CHECK(ids.size() == count);
  CHECK(*ids.rbegin() == count - 1);
  return all;
}

TEST_CASE("a spawner starts what is ordered, and tells what has failed") {
  const Pipe guardian(O_NONBLOCK);
  const Pipe told;
  Spawner spawner(2, [&] { CHECK(write(told.write, "x", 1) == 1); });
  for (uint64_t id = 0; id < 40; ++id) {
    auto plan = script(guardian, "exit " + std::to_string(id));
    if (id % 4 == 0) plan.directory = "/nowhere";
    spawner.add(id, std::move(plan));
  }
  for (const auto& [id, made] : all_of(spawner, told, 40)) {
    if (id % 4 == 0) {
      CHECK(made.step == Step::kDirectory);
    } else {
      CHECK(end_of(made).code == static_cast<int>(id));
    }
  }
}

TEST_CASE("what a spawner has not begun can be refused, and nothing is under way then") {
  const Pipe guardian(O_NONBLOCK);
  const Pipe told;
  Spawner spawner(2, [&] { CHECK(write(told.write, "x", 1) == 1); });
  for (uint64_t id = 0; id < 100; ++id) spawner.add(id, script(guardian, "exit 0"));
  spawner.refuse_waiting();
  const auto all = spawner.take();
  CHECK(all.size() == 100);
  size_t refused = 0;
  for (const auto& [id, made] : all) {
    if (made.step == Step::kGuardian) {
      CHECK(made.error == EAGAIN);
      CHECK(made.pid == -1);
      ++refused;
    } else {
      CHECK(end_of(made).code == 0);
    }
  }
  CHECK(refused > 0);
  // It goes on with what comes later.
  spawner.refuse_waiting();
  read_some(told.read);
  spawner.add(0, script(guardian, "exit 9"));
  CHECK(end_of(all_of(spawner, told, 1)[0].start).code == 9);
}

TEST_CASE("a spawner that closes leaves what runs with TERM, and begins nothing more") {
  const Pipe guardian(O_NONBLOCK);
  Spawner spawner(2, [] {});
  for (uint64_t id = 0; id < 50; ++id) spawner.add(id, script(guardian, "exec sleep 600"));
  spawner.close();
  for (const auto& [id, made] : spawner.take()) CHECK(end_of(made).signal == SIGTERM);
  spawner.add(50, script(guardian, "exit 0"));
  spawner.close();
  CHECK(spawner.take().empty());
}

TEST_CASE("a child whose thread is gone gets TERM, and KILL when it is deaf") {
  const Pipe guardian(O_NONBLOCK);
  const Pipe out;
  auto plan = script(guardian, "trap '' TERM; echo up; while :; do sleep 600; done");
  plan.stdio[1] = out.write;
  const auto deaf = start(plan);
  CHECK(read_some(out.read) == "up\n");
  const int watched = dup(deaf.pidfd);
  reap_later({{deaf.pid, deaf.pidfd}}, 0);
  pollfd ended{watched, POLLIN, 0};
  CHECK(poll(&ended, 1, -1) == 1);
  close(watched);

  Start mild;
  std::thread([&] { mild = start(script(guardian, "exec sleep 600")); }).join();
  CHECK(end_of(mild).signal == SIGTERM);
}

}  // namespace
#endif
