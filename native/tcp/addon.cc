// The glue of one thread: its streams on its loop. src/spark/tcp/native-tcp.ts has the contract.
#include <napi.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "tcp/streams.h"

namespace {

using magneto::tcp::Streams;
using magneto::tcp::Told;

// Some thousand messages of a usual size. What is kept of one keeps it whole, so that it is not
// larger.
constexpr size_t kSlabBytes = 4 * magneto::tcp::kReadBytes;
constexpr size_t kNumbersEach = sizeof(Told) / sizeof(int32_t);

// What a JavaScript object stands for. It lives until libuv has let go of everything. A thread may
// be ended in the midst of a call; then every call fails, and node-addon-api would end the process,
// so what runs on the loop asks for each result.
class Bound {
 public:
  Bound(Napi::Env env, Napi::Function take, Napi::Int32Array events)
      : env_(env),
        take_(Napi::Persistent(take)),
        events_(Napi::Persistent(events)),
        numbers_(events.Data(), events.ElementLength()),
        context_(env, "magneto_tcp"),
        streams_(loop_of(env), [this](std::span<const Told> told) { return hand_over(told); }) {
    use_new_slab();
    napi_add_async_cleanup_hook(
        env, [](napi_async_cleanup_hook_handle, void* self) { static_cast<Bound*>(self)->leave(); },
        this, &hook_);
  }

  Streams& streams() { return streams_; }

  void leave() {
    if (std::exchange(is_leaving_, true)) return;
    streams_.leave([this] {
      const std::unique_ptr<Bound> self(this);
      napi_remove_async_cleanup_hook(hook_);
    });
    take_.Reset();
    events_.Reset();
    slab_.Reset();
  }

 private:
  static uv_loop_t* loop_of(Napi::Env env) {
    uv_loop_t* loop = nullptr;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok)
      throw Napi::Error::New(env, "this thread has no loop");
    return loop;
  }

  // Without memory for one the streams that are read next are closed, and say so; it is tried again
  // with what comes next.
  void use_new_slab() {
    void* bytes = nullptr;
    napi_value slab = nullptr;
    if (napi_create_buffer(env_, kSlabBytes, &bytes, &slab) != napi_ok) return;
    slab_.Reset({env_, slab}, 1);
    streams_.use({static_cast<uint8_t*>(bytes), kSlabBytes});
  }

  // What follows from it in JavaScript comes after the whole batch.
  bool hand_over(std::span<const Told> told) {
    napi_handle_scope handles = nullptr;
    napi_callback_scope callbacks = nullptr;
    if (napi_open_handle_scope(env_, &handles) != napi_ok) return true;
    bool is_needed = true;
    if (napi_open_callback_scope(env_, nullptr, context_, &callbacks) == napi_ok) {
      is_needed = call_for(told);
      napi_close_callback_scope(env_, callbacks);
    }
    napi_close_handle_scope(env_, handles);
    return is_needed;
  }

  bool call_for(std::span<const Told> told) {
    bool is_needed = false;
    while (!told.empty() && !is_leaving_) {
      const size_t count = std::min(told.size(), numbers_.size() / kNumbersEach);
      const auto* const from = reinterpret_cast<const int32_t*>(told.data());
      std::copy_n(from, count * kNumbersEach, numbers_.begin());
      told = told.subspan(count);
      is_needed = call(count) || is_needed;
    }
    if (!is_leaving_ && streams_.is_used_up()) use_new_slab();
    return is_needed;
  }

  bool call(size_t count) {
    napi_value arguments[2] = {nullptr, slab_.IsEmpty() ? env_.Undefined() : slab_.Value()};
    napi_value result = nullptr;
    bool is_needed = true;
    if (napi_create_uint32(env_, static_cast<uint32_t>(count), &arguments[0]) == napi_ok &&
        napi_call_function(env_, env_.Undefined(), take_.Value(), 2, arguments, &result) == napi_ok)
      napi_get_value_bool(env_, result, &is_needed);
    else
      report();
    return is_needed;
  }

  void report() {
    bool is_pending = false;
    napi_value error = nullptr;
    napi_valuetype type = napi_null;
    if (napi_is_exception_pending(env_, &is_pending) != napi_ok || !is_pending ||
        napi_get_and_clear_last_exception(env_, &error) != napi_ok)
      return;
    // The end of the thread is an exception without a value.
    if (napi_typeof(env_, error, &type) == napi_ok && type != napi_null)
      napi_fatal_exception(env_, error);
  }

  Napi::Env env_;
  Napi::FunctionReference take_;
  Napi::Reference<Napi::Int32Array> events_;
  std::span<int32_t> numbers_;
  Napi::Reference<Napi::Object> slab_;
  Napi::AsyncContext context_;
  bool is_leaving_ = false;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  Streams streams_;
};

int number(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }

class TcpStreams : public Napi::ObjectWrap<TcpStreams> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "TcpStreams",
        {InstanceMethod<&TcpStreams::listen>("listen"),
         InstanceMethod<&TcpStreams::stop_listening>("stopListening"),
         InstanceMethod<&TcpStreams::connect>("connect"),
         InstanceMethod<&TcpStreams::write>("write"), InstanceMethod<&TcpStreams::unsent>("unsent"),
         InstanceMethod<&TcpStreams::end>("end"), InstanceMethod<&TcpStreams::destroy>("destroy"),
         InstanceMethod<&TcpStreams::keep_alive>("keepAlive"),
         InstanceMethod<&TcpStreams::peer>("peer"), InstanceMethod<&TcpStreams::release>("release"),
         InstanceMethod<&TcpStreams::close>("close")});
  }

  // It frees itself when it is closed, or when its thread ends.
  explicit TcpStreams(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<TcpStreams>(info),
        bound_(
            new Bound(info.Env(), info[0].As<Napi::Function>(), info[1].As<Napi::Int32Array>())) {}

 private:
  Streams& streams(const Napi::CallbackInfo& info) const {
    if (bound_ == nullptr) throw Napi::Error::New(info.Env(), "these streams are closed");
    return bound_->streams();
  }

  Napi::Value listen(const Napi::CallbackInfo& info) {
    const std::string address = info[0].As<Napi::String>();
    return Napi::Number::New(info.Env(), streams(info).listen(address, number(info[1])));
  }

  void stop_listening(const Napi::CallbackInfo& info) { streams(info).stop_listening(); }

  Napi::Value connect(const Napi::CallbackInfo& info) {
    const std::string address = info[0].As<Napi::String>();
    return Napi::Number::New(info.Env(), streams(info).connect(address, number(info[1])));
  }

  Napi::Value write(const Napi::CallbackInfo& info) {
    const auto bytes = info[1].As<Napi::Uint8Array>();
    const size_t unsent =
        streams(info).write(number(info[0]), {bytes.Data(), bytes.ElementLength()});
    return Napi::Number::New(info.Env(), static_cast<double>(unsent));
  }

  Napi::Value unsent(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(),
                             static_cast<double>(streams(info).unsent(number(info[0]))));
  }

  void end(const Napi::CallbackInfo& info) { streams(info).end(number(info[0])); }

  void destroy(const Napi::CallbackInfo& info) { streams(info).destroy(number(info[0])); }

  void keep_alive(const Napi::CallbackInfo& info) {
    streams(info).keep_alive(number(info[0]), info[1].As<Napi::Number>().Uint32Value());
  }

  Napi::Value peer(const Napi::CallbackInfo& info) {
    const auto [host, port] = streams(info).peer(number(info[0]));
    auto result = Napi::Array::New(info.Env(), 2);
    result.Set(0u, Napi::String::New(info.Env(), host));
    result.Set(1u, Napi::Number::New(info.Env(), port));
    return result;
  }

  Napi::Value release(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), streams(info).release(number(info[0])));
  }

  void close(const Napi::CallbackInfo&) {
    if (bound_ != nullptr) std::exchange(bound_, nullptr)->leave();
  }

  Bound* bound_;
};

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("TcpStreams", TcpStreams::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(magneto_tcp, init)
