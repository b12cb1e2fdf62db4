// The glue of one thread: children started here are watched here, on its loop.
// src/worker/launcher/native-spawn.ts has the contract.
#include <fcntl.h>
#include <napi.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "spawn/child.h"
#include "spawn/spawner.h"

namespace {

using magneto::spawn::End;
using magneto::spawn::Left;
using magneto::spawn::Made;
using magneto::spawn::Plan;
using magneto::spawn::Spawner;
using magneto::spawn::Start;
using magneto::spawn::Step;

// Told in one go; what is over waits for the loop's next turn, so that orders get theirs.
constexpr int kMaxEventsATurn = 64;
// Threads that start what one thread orders.
constexpr int kStarters = 1;
// T8: what children of a thread that broke have between TERM and KILL.
constexpr int kGraceMs = 10'000;

// As a descriptor for stdin: a pipe to which nothing is written and which ends with this process.
constexpr int kHeldPipe = -2;

// A descriptor that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

// No child inherits an end unasked.
Pipe make_pipe(Napi::Env env) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw Napi::Error::New(env, std::string("no pipe can be made: ") + strerror(errno));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

const char* name_of(Step step) {
  switch (step) {
    case Step::kClone:
      return "clone";
    case Step::kDirectory:
      return "chdir";
    case Step::kStdio:
      return "dup2";
    case Step::kGuardian:
      return "guardian";
    case Step::kExec:
      return "execve";
    case Step::kStarted:
      break;
  }
  return "";
}

// A start that is ordered and not yet made.
struct Ordered {
  Pipe held_stdin;
  Napi::FunctionReference on_start;
  Napi::FunctionReference on_end;
};

struct Child {
  pid_t pid;
  Descriptor held_stdin;
  Napi::FunctionReference on_end;
};

// All children of a thread, and what tells that some were started, hang on one epoll descriptor, so
// that the loop has one handle.
class Children {
 public:
  explicit Children(Napi::Env env)
      : env_(env),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        made_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        spawner_(kStarters, [fd = made_.get()] { eventfd_write(fd, 1); }) {
    if (epoll_.get() < 0 || made_.get() < 0 || !watch(made_.get()))
      throw std::runtime_error(std::string("processes can't be watched: ") + strerror(errno));
    uv_loop_t* loop = nullptr;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok ||
        uv_poll_init(loop, &poll_, epoll_.get()) != 0)
      throw std::runtime_error("this thread's loop can't watch processes");
    poll_.data = this;
    uv_poll_start(&poll_, UV_READABLE,
                  [](uv_poll_t* poll, int, int) { static_cast<Children*>(poll->data)->look(); });
    uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
    napi_add_async_cleanup_hook(
        env,
        [](napi_async_cleanup_hook_handle hook, void* self) {
          static_cast<Children*>(self)->leave(hook);
        },
        this, nullptr);
  }

  void start(Plan plan, Ordered ordered) {
    const uint64_t id = ++last_id_;
    ordered_.emplace(id, std::move(ordered));
    keep_loop();
    spawner_.add(id, std::move(plan));
  }

  void refuse_waiting() { spawner_.refuse_waiting(); }

 private:
  bool watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  }

  void keep_loop() {
    const auto handle = reinterpret_cast<uv_handle_t*>(&poll_);
    if (children_.empty() && ordered_.empty()) {
      uv_unref(handle);
    } else {
      uv_ref(handle);
    }
  }

  void look() {
    epoll_event events[kMaxEventsATurn];
    const int count = epoll_wait(epoll_.get(), events, kMaxEventsATurn, 0);
    Napi::HandleScope handles(env_);
    // What follows from them in JavaScript comes after all of them.
    const Napi::AsyncContext context(env_, "magneto_spawn");
    const Napi::CallbackScope callbacks(env_, context);
    for (int at = 0; at < count; ++at) {
      const int fd = events[at].data.fd;
      if (fd == made_.get()) {
        tell_starts();
      } else {
        tell_end(fd);
      }
    }
    keep_loop();
  }

  void tell_starts() {
    eventfd_t ignored = 0;
    eventfd_read(made_.get(), &ignored);
    for (const auto& made : spawner_.take()) tell_start(made);
  }

  void tell_start(const Made& made) {
    const auto& [step, error, pid, pidfd, exec_ns] = made.start;
    const auto found = ordered_.find(made.id);
    auto [held, on_start, on_end] = std::move(found->second);
    ordered_.erase(found);
    const char* failed_at = name_of(step);
    int failed_with = error;
    if (step == Step::kStarted) {
      if (watch(pidfd)) {
        children_.emplace(pidfd, Child{pid, std::move(held.write), std::move(on_end)});
      } else {
        failed_at = "epoll_ctl";
        failed_with = errno;
      }
    }
    const auto ago_ns = static_cast<int64_t>(uv_hrtime()) - exec_ns;
    call(on_start, {Napi::Number::New(env_, pid), Napi::String::New(env_, failed_at),
                    Napi::Number::New(env_, -failed_with),
                    Napi::Number::New(env_, static_cast<double>(ago_ns) / 1e6)});
    // The number of one that failed was not another's until that was told. One that runs unwatched
    // must not be.
    if (pidfd >= 0 && failed_with != 0) magneto::spawn::reap_later({{pid, pidfd}}, 0);
  }

  void tell_end(int pidfd) {
    const auto found = children_.find(pidfd);
    End end{};
    if (found == children_.end() || !magneto::spawn::has_ended(pidfd, end)) return;
    const Napi::FunctionReference on_end = std::move(found->second.on_end);
    children_.erase(found);
    call(on_end, {Napi::Number::New(env_, end.code), Napi::Number::New(env_, end.signal)});
    // Closing it takes it off the epoll descriptor.
    magneto::spawn::reap(pidfd);
  }

  void call(const Napi::FunctionReference& function, std::initializer_list<napi_value> arguments) {
    try {
      function.Call(arguments);
    } catch (const Napi::Error& error) {
      napi_fatal_exception(env_, error.Value());
    }
  }

  // The thread ends with children, because it broke or because the whole process ends.
  void leave(napi_async_cleanup_hook_handle hook) {
    spawner_.close();
    std::vector<Left> left;
    for (const auto& made : spawner_.take()) {
      if (made.start.pidfd >= 0) left.push_back({made.start.pid, made.start.pidfd});
    }
    for (const auto& [pidfd, child] : children_) left.push_back({child.pid, pidfd});
    ordered_.clear();
    children_.clear();
    magneto::spawn::reap_later(std::move(left), kGraceMs);
    hook_ = hook;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
      const std::unique_ptr<Children> self(static_cast<Children*>(handle->data));
      napi_remove_async_cleanup_hook(self->hook_);
    });
  }

  Napi::Env env_;
  Descriptor epoll_;
  Descriptor made_;
  uv_poll_t poll_{};
  uint64_t last_id_ = 0;
  std::unordered_map<uint64_t, Ordered> ordered_;
  std::unordered_map<int, Child> children_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  // The last, so that its threads end before all they may touch.
  Spawner spawner_;
};

std::string text(const Napi::Value& value) {
  std::string result = value.As<Napi::String>().Utf8Value();
  if (result.find('\0') != std::string::npos)
    throw Napi::TypeError::New(value.Env(), "a NUL can't be passed to a process");
  return result;
}

std::vector<std::string> texts(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> result;
  result.reserve(array.Length());
  for (uint32_t at = 0; at < array.Length(); ++at) result.push_back(text(array.Get(at)));
  return result;
}

// start(programs, argv, environment, directory, stdin, stdout, stderr, guardian, stopped, onStart,
// onEnd)
void start(const Napi::CallbackInfo& info) {
  Plan plan;
  plan.programs = texts(info[0]);
  plan.arguments = texts(info[1]);
  plan.environment = texts(info[2]);
  plan.directory = text(info[3]);
  for (int fd = 0; fd < 3; ++fd) plan.stdio[fd] = info[4 + fd].As<Napi::Number>().Int32Value();
  Ordered ordered;
  if (plan.stdio[0] == kHeldPipe) {
    ordered.held_stdin = make_pipe(info.Env());
    plan.stdio[0] = ordered.held_stdin.read.get();
  }
  plan.guardian = info[7].As<Napi::Number>().Int32Value();
  plan.stopped = info[8].As<Napi::Boolean>().Value();
  ordered.on_start = Napi::Persistent(info[9].As<Napi::Function>());
  ordered.on_end = Napi::Persistent(info[10].As<Napi::Function>());
  static_cast<Children*>(info.Data())->start(std::move(plan), std::move(ordered));
}

void refuse_waiting(const Napi::CallbackInfo& info) {
  static_cast<Children*>(info.Data())->refuse_waiting();
}

// pipe() -> [read, write]
Napi::Value pipe(const Napi::CallbackInfo& info) {
  Pipe made = make_pipe(info.Env());
  auto result = Napi::Array::New(info.Env(), 2);
  result.Set(0u, Napi::Number::New(info.Env(), made.read.release()));
  result.Set(1u, Napi::Number::New(info.Env(), made.write.release()));
  return result;
}

// close(fd). Node's own warns of descriptors that it has not opened.
void close_one(const Napi::CallbackInfo& info) { close(info[0].As<Napi::Number>().Int32Value()); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
  const bool supported = magneto::spawn::supported();
  exports.Set("supported", Napi::Boolean::New(env, supported));
  if (!supported) return exports;
  magneto::spawn::take_short_turns();
  try {
    // It frees itself when its thread ends.
    auto* const children = new Children(env);
    exports.Set("start", Napi::Function::New(env, start, "start", children));
    exports.Set("refuseWaiting",
                Napi::Function::New(env, refuse_waiting, "refuseWaiting", children));
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
  exports.Set("pipe", Napi::Function::New(env, pipe, "pipe"));
  exports.Set("close", Napi::Function::New(env, close_one, "close"));
  return exports;
}

}  // namespace

NODE_API_MODULE(magneto_spawn, init)
