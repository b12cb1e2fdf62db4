#include "tcp/streams.h"

#include <fcntl.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace magneto::tcp {

namespace {

// Told in the midst of a turn when so much has come together.
constexpr size_t kToldMax = 1024;
// Thousands of workers may come back at once; the system has a limit of its own.
constexpr int kBacklog = 4096;

uv_handle_t* handle_of(uv_tcp_t& tcp) { return reinterpret_cast<uv_handle_t*>(&tcp); }
uv_stream_t* stream_of(uv_tcp_t& tcp) { return reinterpret_cast<uv_stream_t*>(&tcp); }

int parse(const std::string& address, int port, sockaddr_storage& parsed) {
  const int error = uv_ip4_addr(address.c_str(), port, reinterpret_cast<sockaddr_in*>(&parsed));
  if (error == 0) return 0;
  return uv_ip6_addr(address.c_str(), port, reinterpret_cast<sockaddr_in6*>(&parsed));
}

Address print(const sockaddr_storage& address) {
  const bool is_v6 = address.ss_family == AF_INET6;
  char host[INET6_ADDRSTRLEN] = "";
  uv_ip_name(reinterpret_cast<const sockaddr*>(&address), host, sizeof host);
  const auto port = is_v6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                          : reinterpret_cast<const sockaddr_in&>(address).sin_port;
  return {host, ntohs(port)};
}

}  // namespace

struct Streams::Stream {
  Stream(Streams& streams, int32_t number) : of(streams), id(number) {}

  Streams& of;
  const int32_t id;
  uv_tcp_t tcp{};
  uv_connect_t connecting{};
  uv_shutdown_t ending{};
  bool is_closing = false;
  bool has_peer_ended = false;
  bool is_ending = false;
  bool is_shut = false;
  int error = 0;

  static Stream& at(void* handle) {
    return *static_cast<Stream*>(static_cast<uv_handle_t*>(handle)->data);
  }
};

struct Streams::Listener {
  explicit Listener(Streams& streams) : of(streams) {}

  Streams& of;
  uv_tcp_t tcp{};
};

// What the system has not taken at once.
struct Streams::Rest {
  std::vector<uint8_t> bytes;
  uv_write_t request{};
};

Streams::Streams(uv_loop_t* loop, Tell tell) : loop_(loop), tell_(std::move(tell)) {
  uv_check_init(loop_, &after_poll_);
  uv_prepare_init(loop_, &before_poll_);
  after_poll_.data = this;
  before_poll_.data = this;
  open_handles_ = 2;
  uv_check_start(&after_poll_,
                 [](uv_check_t* check) { static_cast<Streams*>(check->data)->deliver(); });
  uv_prepare_start(&before_poll_,
                   [](uv_prepare_t* prepare) { static_cast<Streams*>(prepare->data)->deliver(); });
  uv_unref(reinterpret_cast<uv_handle_t*>(&after_poll_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&before_poll_));
}

Streams::~Streams() = default;

void Streams::use(std::span<uint8_t> slab) {
  slab_ = slab;
  used_ = 0;
  batch_from_ = 0;
}

int Streams::listen(const std::string& address, int port) {
  sockaddr_storage parsed{};
  int error = parse(address, port, parsed);
  if (error != 0) return error;
  auto listener = std::make_unique<Listener>(*this);
  uv_tcp_t& tcp = listener->tcp;
  error = uv_tcp_init(loop_, &tcp);
  if (error != 0) return error;
  ++open_handles_;
  listener_ = listener.release();
  tcp.data = listener_;
  error = uv_tcp_bind(&tcp, reinterpret_cast<const sockaddr*>(&parsed), 0);
  if (error == 0) {
    error = uv_listen(stream_of(tcp), kBacklog, [](uv_stream_t* server, int status) {
      static_cast<Listener*>(server->data)->of.accept(status);
    });
  }
  sockaddr_storage bound{};
  int bytes = sizeof bound;
  if (error == 0) error = uv_tcp_getsockname(&tcp, reinterpret_cast<sockaddr*>(&bound), &bytes);
  if (error == 0) return print(bound).port;
  stop_listening();
  return error;
}

void Streams::stop_listening() {
  if (listener_ == nullptr) return;
  uv_close(handle_of(std::exchange(listener_, nullptr)->tcp), [](uv_handle_t* handle) {
    const std::unique_ptr<Listener> self(static_cast<Listener*>(handle->data));
    self->of.handle_closed();
  });
}

int Streams::connect(const std::string& address, int port) {
  sockaddr_storage parsed{};
  int error = parse(address, port, parsed);
  if (error != 0) return error;
  Stream* const stream = add();
  if (stream == nullptr) return UV_ENOMEM;
  error =
      uv_tcp_connect(&stream->connecting, &stream->tcp, reinterpret_cast<const sockaddr*>(&parsed),
                     [](uv_connect_t* request, int status) {
                       Stream& self = Stream::at(request->handle);
                       if (status != 0 || !self.of.start_reading(self))
                         self.of.close(self, status);
                       else
                         self.of.tell(Event::kConnected, self.id);
                     });
  if (error == 0) return stream->id;
  close(*stream, error);
  return error;
}

size_t Streams::write(int32_t id, std::span<const uint8_t> bytes) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->is_ending) return 0;
  // libuv does not write to it.
  auto* const from = reinterpret_cast<char*>(const_cast<uint8_t*>(bytes.data()));
  uv_buf_t buffer = uv_buf_init(from, static_cast<unsigned>(bytes.size()));
  int taken = uv_try_write(stream_of(stream->tcp), &buffer, 1);
  if (taken == UV_EAGAIN) taken = 0;
  if (taken < 0) {
    close(*stream, taken);
    return 0;
  }
  const auto rest = bytes.subspan(static_cast<size_t>(taken));
  if (rest.empty()) return 0;
  auto waiting = std::make_unique<Rest>();
  waiting->bytes.assign(rest.begin(), rest.end());
  waiting->request.data = waiting.get();
  buffer = uv_buf_init(reinterpret_cast<char*>(waiting->bytes.data()),
                       static_cast<unsigned>(waiting->bytes.size()));
  const int error = uv_write(&waiting->request, stream_of(stream->tcp), &buffer, 1,
                             [](uv_write_t* request, int status) {
                               const std::unique_ptr<Rest> sent(static_cast<Rest*>(request->data));
                               Stream& self = Stream::at(request->handle);
                               if (status != 0) self.of.close(self, status);
                             });
  if (error != 0) {
    close(*stream, error);
    return 0;
  }
  waiting.release();
  return uv_stream_get_write_queue_size(stream_of(stream->tcp));
}

size_t Streams::unsent(int32_t id) const {
  Stream* const stream = find(id);
  return stream == nullptr ? 0 : uv_stream_get_write_queue_size(stream_of(stream->tcp));
}

void Streams::end(int32_t id) {
  Stream* const stream = find(id);
  if (stream == nullptr || std::exchange(stream->is_ending, true)) return;
  const int error =
      uv_shutdown(&stream->ending, stream_of(stream->tcp), [](uv_shutdown_t* request, int status) {
        Stream& self = Stream::at(request->handle);
        self.is_shut = true;
        if (status != 0 || self.has_peer_ended) self.of.close(self, status);
      });
  if (error != 0) close(*stream, error);
}

void Streams::destroy(int32_t id) {
  Stream* const stream = find(id);
  if (stream != nullptr) close(*stream, 0);
}

void Streams::keep_alive(int32_t id, unsigned after_s) {
  Stream* const stream = find(id);
  if (stream != nullptr) uv_tcp_keepalive(&stream->tcp, 1, after_s);
}

Address Streams::peer(int32_t id) const {
  Stream* const stream = find(id);
  sockaddr_storage address{};
  int bytes = sizeof address;
  if (stream == nullptr ||
      uv_tcp_getpeername(&stream->tcp, reinterpret_cast<sockaddr*>(&address), &bytes) != 0)
    return {"", 0};
  return print(address);
}

int Streams::release(int32_t id) {
  Stream* const stream = find(id);
  uv_os_fd_t fd = -1;
  if (stream == nullptr || uv_fileno(handle_of(stream->tcp), &fd) != 0) return UV_EBADF;
  const int taken = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  const int error = errno;
  close(*stream, 0);
  return taken < 0 ? -error : taken;
}

void Streams::leave(std::function<void()> on_gone) {
  is_leaving_ = true;
  on_gone_ = std::move(on_gone);
  stop_listening();
  for (const auto& stream : streams_)
    if (stream != nullptr) close(*stream, 0);
  const auto closed = [](uv_handle_t* handle) {
    static_cast<Streams*>(handle->data)->handle_closed();
  };
  uv_close(reinterpret_cast<uv_handle_t*>(&after_poll_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&before_poll_), closed);
}

Streams::Stream* Streams::find(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= streams_.size()) return nullptr;
  Stream* const stream = streams_[static_cast<size_t>(id)].get();
  return stream == nullptr || stream->is_closing ? nullptr : stream;
}

Streams::Stream* Streams::add() {
  if (free_ids_.empty()) {
    free_ids_.push_back(static_cast<int32_t>(streams_.size()));
    streams_.emplace_back();
  }
  const int32_t id = free_ids_.back();
  auto stream = std::make_unique<Stream>(*this, id);
  if (uv_tcp_init(loop_, &stream->tcp) != 0) return nullptr;
  free_ids_.pop_back();
  ++open_handles_;
  stream->tcp.data = stream.get();
  auto& slot = streams_[static_cast<size_t>(id)];
  slot = std::move(stream);
  return slot.get();
}

bool Streams::start_reading(Stream& stream) {
  uv_tcp_nodelay(&stream.tcp, 1);
  return uv_read_start(
             stream_of(stream.tcp),
             [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
               Streams& self = Stream::at(handle).of;
               const auto room = self.slab_.subspan(self.used_);
               buffer->base = reinterpret_cast<char*>(room.data());
               buffer->len = std::min(room.size(), kReadBytes);
             },
             [](uv_stream_t* from, ssize_t bytes, const uv_buf_t*) {
               Stream& self = Stream::at(from);
               self.of.read(self, bytes);
             }) == 0;
}

void Streams::close(Stream& stream, int error) {
  if (std::exchange(stream.is_closing, true)) return;
  stream.error = error;
  uv_close(handle_of(stream.tcp), [](uv_handle_t* handle) {
    Stream& self = Stream::at(handle);
    Streams& of = self.of;
    const auto gone = std::move(of.streams_[static_cast<size_t>(self.id)]);
    of.tell(Event::kClosed, gone->id, gone->error);
    of.handle_closed();
  });
}

void Streams::accept(int status) {
  if (status != 0) return tell(Event::kFault, -1, status);
  Stream* const stream = add();
  if (stream == nullptr) return tell(Event::kFault, -1, UV_ENOMEM);
  const int error = uv_accept(stream_of(listener_->tcp), stream_of(stream->tcp));
  if (error == 0 && start_reading(*stream)) return tell(Event::kAccepted, stream->id);
  close(*stream, error);
}

void Streams::read(Stream& stream, ssize_t bytes) {
  if (bytes > 0) {
    tell(Event::kData, stream.id, static_cast<int32_t>(used_), static_cast<int32_t>(bytes));
    used_ += static_cast<size_t>(bytes);
    if (is_used_up() || told_.size() >= kToldMax) deliver();
  } else if (bytes == UV_EOF) {
    stream.has_peer_ended = true;
    uv_read_stop(stream_of(stream.tcp));
    if (stream.is_shut) return close(stream, 0);
    tell(Event::kEnded, stream.id);
  } else if (bytes < 0) {
    close(stream, static_cast<int>(bytes));
  }
}

void Streams::tell(Event event, int32_t stream, int32_t from, int32_t length) {
  if (!is_leaving_) told_.push_back({event, stream, from, length});
}

void Streams::deliver() {
  if (told_.empty() || is_delivering_ || is_leaving_) return;
  is_delivering_ = true;
  batch_.swap(told_);
  if (!tell_(batch_)) used_ = batch_from_;
  batch_from_ = used_;
  for (const auto& [event, stream, from, length] : batch_)
    if (event == Event::kClosed) free_ids_.push_back(stream);
  batch_.clear();
  is_delivering_ = false;
}

void Streams::handle_closed() {
  if (--open_handles_ > 0 || !on_gone_) return;
  const auto on_gone = std::move(on_gone_);
  on_gone();
}

}  // namespace magneto::tcp
