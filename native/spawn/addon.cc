// The glue of one thread: children started here are watched here, on its loop.
// src/worker/launcher/native-spawn.ts has the contract.
#include <fcntl.h>
#include <napi.h>
#include <sys/epoll.h>
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

namespace {

using magneto::spawn::End;
using magneto::spawn::Left;
using magneto::spawn::Plan;
using magneto::spawn::Start;
using magneto::spawn::Step;

// Ends told in one go; what is over waits for the loop's next turn, so that starts get theirs.
constexpr int kMaxEndsATurn = 64;
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

struct Child {
  pid_t pid;
  Descriptor stdin_end;
  Napi::FunctionReference on_end;
};

// All children of a thread hang on one epoll descriptor, so that the loop has one handle.
class Children {
 public:
  explicit Children(Napi::Env env) : env_(env), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::runtime_error("epoll_create1 failed");
    uv_loop_t* loop = nullptr;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok || uv_poll_init(loop, &poll_, epoll_) != 0)
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

  void add(const Start& start, Descriptor stdin_end, Napi::Function on_end) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = start.pidfd;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, start.pidfd, &event) != 0) {
      const int error = errno;
      // An unwatched child must not be: it is over before anybody has heard of it.
      magneto::spawn::reap_later({{start.pid, start.pidfd}}, 0);
      throw std::runtime_error("epoll_ctl failed with errno " + std::to_string(error));
    }
    if (children_.empty()) uv_ref(reinterpret_cast<uv_handle_t*>(&poll_));
    children_.emplace(start.pidfd,
                      Child{start.pid, std::move(stdin_end), Napi::Persistent(on_end)});
  }

 private:
  void look() {
    epoll_event events[kMaxEndsATurn];
    const int count = epoll_wait(epoll_, events, kMaxEndsATurn, 0);
    for (int at = 0; at < count; ++at) tell(events[at].data.fd);
  }

  void tell(int pidfd) {
    const auto found = children_.find(pidfd);
    End end{};
    if (found == children_.end() || !magneto::spawn::has_ended(pidfd, end)) return;
    Napi::HandleScope scope(env_);
    const Napi::FunctionReference on_end = std::move(found->second.on_end);
    children_.erase(found);
    if (children_.empty()) uv_unref(reinterpret_cast<uv_handle_t*>(&poll_));
    try {
      on_end.MakeCallback(env_.Global(),
                          {Napi::Number::New(env_, end.code), Napi::Number::New(env_, end.signal)});
    } catch (const Napi::Error& error) {
      napi_fatal_exception(env_, error.Value());
    }
    // Closing it takes it off the epoll descriptor.
    magneto::spawn::reap(pidfd);
  }

  // The thread ends with children, because it broke or because the whole process ends.
  void leave(napi_async_cleanup_hook_handle hook) {
    std::vector<Left> left;
    for (const auto& [pidfd, child] : children_) left.push_back({child.pid, pidfd});
    children_.clear();
    magneto::spawn::reap_later(std::move(left), kGraceMs);
    hook_ = hook;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_), [](uv_handle_t* handle) {
      std::unique_ptr<Children> self(static_cast<Children*>(handle->data));
      close(self->epoll_);
      napi_remove_async_cleanup_hook(self->hook_);
    });
  }

  Napi::Env env_;
  int epoll_;
  uv_poll_t poll_{};
  std::unordered_map<int, Child> children_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
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

// start(programs, argv, environment, directory, stdin, stdout, stderr, guardian, onEnd)
Napi::Value start(const Napi::CallbackInfo& info) {
  auto& children = *static_cast<Children*>(info.Data());
  Plan plan;
  plan.programs = texts(info[0]);
  plan.arguments = texts(info[1]);
  plan.environment = texts(info[2]);
  plan.directory = text(info[3]);
  for (int fd = 0; fd < 3; ++fd) plan.stdio[fd] = info[4 + fd].As<Napi::Number>().Int32Value();
  Pipe held;
  if (plan.stdio[0] == kHeldPipe) {
    held = make_pipe(info.Env());
    plan.stdio[0] = held.read.get();
  }
  plan.guardian = info[7].As<Napi::Number>().Int32Value();
  const auto on_end = info[8].As<Napi::Function>();

  const Start started = magneto::spawn::start(plan);
  auto result = Napi::Object::New(info.Env());
  result.Set("pid", Napi::Number::New(info.Env(), started.pid));
  result.Set("step", Napi::String::New(info.Env(), name_of(started.step)));
  result.Set("error", Napi::Number::New(info.Env(), -started.error));
  const auto ago_ns = static_cast<int64_t>(uv_hrtime()) - started.exec_ns;
  result.Set("execAgoMs", Napi::Number::New(info.Env(), static_cast<double>(ago_ns) / 1e6));
  if (started.step != Step::kStarted) return result;
  try {
    children.add(started, std::move(held.write), on_end);
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
  return result;
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
    exports.Set("start", Napi::Function::New(env, start, "start", new Children(env)));
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
  exports.Set("pipe", Napi::Function::New(env, pipe, "pipe"));
  exports.Set("close", Napi::Function::New(env, close_one, "close"));
  return exports;
}

}  // namespace

NODE_API_MODULE(magneto_spawn, init)
