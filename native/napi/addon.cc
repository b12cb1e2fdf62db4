// The glue: bytes in, bytes out, C++ exceptions become JavaScript errors. src/core/native.ts has
// the contract.
#include <napi.h>

#include <cmath>
#include <memory>
#include <stdexcept>

#include "codec/engine.h"

namespace {

using magneto::codec::Engine;

std::span<const uint8_t> bytes(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a Uint8Array");
  const auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}

int64_t whole(const Napi::Value& value, const char* what) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!(std::abs(number) < 9007199254740992.0))
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a safe number");
  return static_cast<int64_t>(number);
}

Napi::Value copy(Napi::Env env, std::span<const uint8_t> from) {
  auto result = Napi::Uint8Array::New(env, from.size());
  std::copy(from.begin(), from.end(), result.Data());
  return result;
}

template <class Body>
auto guarded(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

class MasterCore : public Napi::ObjectWrap<MasterCore> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "MasterCore",
        {InstanceMethod<&MasterCore::step>("step"), InstanceMethod<&MasterCore::view>("view"),
         InstanceMethod<&MasterCore::changes>("changes"),
         InstanceMethod<&MasterCore::explain>("explain"),
         InstanceMethod<&MasterCore::check>("check")});
  }

  explicit MasterCore(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MasterCore>(info) {
    guarded(info.Env(), [&] { engine_ = std::make_unique<Engine>(bytes(info[0], "config")); });
  }

 private:
  Napi::Value step(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const int64_t now_ms = whole(info[0], "nowMs");
      const auto offset = static_cast<int32_t>(whole(info[1], "utcOffsetMinutes"));
      const Call call(*this);
      magneto::codec::TakePart part;
      if (info[3].IsFunction())
        part = [&, take = info[3].As<Napi::Function>()](std::span<const uint8_t> outbox) {
          const Napi::HandleScope scope(info.Env());
          take.Call({copy(info.Env(), outbox)});
        };
      return copy(info.Env(), engine_->step(now_ms, offset, bytes(info[2], "inbox"), part));
    });
  }

  Napi::Value view(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const Call call(*this);
      return copy(info.Env(), engine_->view(whole(info[0], "nowMs")));
    });
  }

  Napi::Value changes(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
      const int64_t now_ms = whole(info[0], "nowMs");
      const bool anew = info[1].ToBoolean();
      const int64_t most_bytes = whole(info[2], "mostBytes");
      if (most_bytes <= 0) throw Napi::TypeError::New(info.Env(), "mostBytes must be above 0");
      return copy(info.Env(), engine_->changes(now_ms, anew, static_cast<size_t>(most_bytes)));
    });
  }

  Napi::Value explain(const Napi::CallbackInfo& info) {
    return guarded(info.Env(),
                   [&] { return copy(info.Env(), engine_->explain(bytes(info[0], "request"))); });
  }

  void check(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const Call call(*this);
      engine_->check();
    });
  }

  // One call at a time: who takes a part must not call back.
  class Call {
   public:
    explicit Call(MasterCore& core) : core_(core) {
      if (core_.busy_) throw std::logic_error("the core is in the midst of a step");
      core_.busy_ = true;
    }
    ~Call() { core_.busy_ = false; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    MasterCore& core_;
  };

  std::unique_ptr<Engine> engine_;
  bool busy_ = false;
};

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("MasterCore", MasterCore::define(env));
  return exports;
}

NODE_API_MODULE(magneto_core, initialise)

}  // namespace
