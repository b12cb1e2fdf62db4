// Peers of a master that starts again: thousands of control links from one process that takes
// little of the processors that it shares with the master. What each of them says is read from a
// file: for each two byte strings, each after its length (u32, little-endian), whole WebSocket
// frames: how it introduces itself, and its answer to MasterChanged. A line "ADDRESS PORT" on stdin
// starts it. Prints when every peer had a link and when the master had taken in all of them, and
// ends.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/gen/control_generated.h"

namespace {

using magneto::control::Body;

// As many are being opened at once; more would not fit into the master's backlog.
constexpr size_t kMaxOpening = 256;
constexpr int kMaxEvents = 512;
constexpr int kTimeoutMs = 60'000;
constexpr size_t kReadBytes = 64 * 1024;

constexpr uint8_t kBinary = 2;
constexpr uint8_t kClose = 8;
constexpr uint8_t kPing = 9;

enum class Link { kConnecting, kUpgrading, kOpen };

struct Peer {
  std::string_view introduction;
  std::string_view answer;
  int socket = -1;
  Link link = Link::kConnecting;
  bool registered = false;
  // The beginning of what is not there wholly yet.
  std::string rest;
};

// A call of the system failed.
[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

double now_ms() {
  using namespace std::chrono;
  return duration<double, std::milli>(system_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string_view text_at(const std::string& file, size_t& at) {
  uint32_t size = 0;
  if (at + sizeof(size) > file.size()) throw std::runtime_error("the file of peers is cut off");
  std::memcpy(&size, file.data() + at, sizeof(size));
  at += sizeof(size);
  if (size > file.size() - at) throw std::runtime_error("the file of peers is cut off");
  const std::string_view text(file.data() + at, size);
  at += size;
  return text;
}

std::vector<Peer> peers_of(const std::string& file) {
  std::vector<Peer> peers;
  for (size_t at = 0; at < file.size();) {
    Peer peer;
    peer.introduction = text_at(file, at);
    peer.answer = text_at(file, at);
    peers.push_back(std::move(peer));
  }
  return peers;
}

// One frame of a server: not masked, not fragmented.
struct Frame {
  uint8_t opcode;
  std::string_view payload;
  size_t end;
};

// false: not all of it is there yet.
bool frame_at(std::string_view bytes, size_t at, Frame& frame) {
  const auto byte = [&](size_t index) { return static_cast<uint8_t>(bytes[at + index]); };
  if (bytes.size() < at + 2) return false;
  uint64_t size = byte(1) & 0x7f;
  const size_t counted = size == 127 ? 8 : size == 126 ? 2 : 0;
  const size_t head = 2 + counted;
  if (bytes.size() < at + head) return false;
  if (counted > 0) size = 0;
  for (size_t index = 0; index < counted; ++index) size = size << 8 | byte(2 + index);
  if (size > bytes.size() - at - head) return false;
  frame = {static_cast<uint8_t>(byte(0) & 0x0f), bytes.substr(at + head, size), at + head + size};
  return true;
}

class Fleet {
 public:
  Fleet(std::vector<Peer> peers, const std::string& host, uint16_t port)
      : peers_(std::move(peers)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) fail("epoll");
    address_.sin_family = AF_INET;
    address_.sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &address_.sin_addr) != 1)
      throw std::runtime_error(host + " is no IPv4 address");
    upgrade_ = "GET /control/v1 HTTP/1.1\r\nHost: " + host + ":" + std::to_string(port) +
               "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  }

  // Returns when the master has taken in all of them.
  void run() {
    const double deadline = now_ms() + kTimeoutMs;
    for (size_t count = 0; count < kMaxOpening; ++count) open_next();
    epoll_event events[kMaxEvents];
    while (registered_ < peers_.size()) {
      const auto left = static_cast<int>(deadline - now_ms());
      const int found = left <= 0 ? 0 : epoll_wait(epoll_, events, kMaxEvents, left);
      if (found < 0 && errno != EINTR) fail("epoll_wait");
      if (found == 0) throw std::runtime_error("after 60 s only " + progress());
      for (int index = 0; index < found; ++index)
        ready(*static_cast<Peer*>(events[index].data.ptr));
    }
  }

  // Since 1970: when the last link was open.
  double linked_ms() const { return linked_ms_; }

 private:
  std::string progress() const {
    return std::to_string(opened_) + " links are open and " + std::to_string(registered_) + " of " +
           std::to_string(peers_.size()) + " peers are taken in";
  }

  void open_next() {
    if (next_ == peers_.size()) return;
    Peer& peer = peers_[next_++];
    peer.socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (peer.socket < 0) fail("socket");
    const int on = 1;
    setsockopt(peer.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    const auto* address = reinterpret_cast<const sockaddr*>(&address_);
    if (connect(peer.socket, address, sizeof(address_)) < 0 && errno != EINPROGRESS)
      fail("connect");
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &peer;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, peer.socket, &event) < 0) fail("epoll_ctl");
  }

  void ready(Peer& peer) {
    if (peer.link == Link::kConnecting) {
      peer.link = Link::kUpgrading;
      return send(peer, upgrade_);
    }
    for (;;) {
      const ssize_t count = recv(peer.socket, buffer_, sizeof(buffer_), 0);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (count < 0) fail("recv");
      if (count == 0) throw std::runtime_error("the master closed a link; " + progress());
      take(peer, std::string_view(buffer_, static_cast<size_t>(count)));
      if (static_cast<size_t>(count) < sizeof(buffer_)) return;
    }
  }

  void take(Peer& peer, std::string_view chunk) {
    std::string joined;
    std::string_view bytes = chunk;
    if (!peer.rest.empty()) {
      joined = std::move(peer.rest);
      joined += chunk;
      bytes = joined;
    }
    size_t at = 0;
    if (peer.link == Link::kUpgrading) {
      const size_t end = bytes.find("\r\n\r\n");
      if (end != std::string_view::npos) {
        if (!bytes.starts_with("HTTP/1.1 101 "))
          throw std::runtime_error("the master refused a link: " +
                                   std::string(bytes.substr(0, 80)));
        at = end + 4;
        opened(peer);
      }
    }
    Frame frame{};
    while (peer.link == Link::kOpen && frame_at(bytes, at, frame)) {
      at = frame.end;
      take(peer, frame);
    }
    peer.rest = bytes.substr(at);
  }

  void opened(Peer& peer) {
    peer.link = Link::kOpen;
    if (++opened_ == peers_.size()) linked_ms_ = now_ms();
    send(peer, peer.introduction);
    open_next();
  }

  void take(Peer& peer, const Frame& frame) {
    if (frame.opcode == kClose) throw std::runtime_error("the master closed a link; " + progress());
    if (frame.opcode == kPing) return send(peer, std::string_view("\x8a\x80\0\0\0\0", 6));
    if (frame.opcode != kBinary) return;
    // Read in place: at an address that FlatBuffers may read from.
    message_.assign(frame.payload.begin(), frame.payload.end());
    const auto type = magneto::control::GetMessage(message_.data())->body_type();
    if (type == Body::MasterChanged) send(peer, peer.answer);
    if (type == Body::ReconnectWorker) send(peer, peer.introduction);
    const bool taken_in = type == Body::WorkerRegistered || type == Body::ApplicationRegistered;
    if (taken_in && !peer.registered) {
      peer.registered = true;
      ++registered_;
    }
  }

  // So little fits into any socket.
  void send(const Peer& peer, std::string_view bytes) {
    const ssize_t sent = ::send(peer.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) fail("send");
    if (static_cast<size_t>(sent) != bytes.size())
      throw std::runtime_error("a socket took a part of " + std::to_string(bytes.size()) +
                               " bytes");
  }

  std::vector<Peer> peers_;
  int epoll_;
  sockaddr_in address_{};
  std::string upgrade_;
  std::vector<char> message_;
  char buffer_[kReadBytes];
  size_t next_ = 0;
  size_t opened_ = 0;
  size_t registered_ = 0;
  double linked_ms_ = 0;
};

int played(const char* path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw std::runtime_error(std::string("can't read ") + path);
  const std::string file{std::istreambuf_iterator<char>(stream), {}};
  std::string host;
  int port = 0;
  if (!(std::cin >> host >> port) || port < 1 || port > 65535)
    throw std::runtime_error("expected an address and a port on stdin");
  const auto fleet = std::make_unique<Fleet>(peers_of(file), host, static_cast<uint16_t>(port));
  fleet->run();
  std::printf("{\"linkedMs\":%.3f,\"registeredMs\":%.3f,\"cpuSeconds\":%.3f}\n", fleet->linked_ms(),
              now_ms(), cpu_seconds());
  std::fflush(stdout);
  // The links stay open until nobody reads the answer any more.
  for (std::string line; std::getline(std::cin, line);) {
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fleet FILE\n");
    return 2;
  }
  try {
    return played(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fleet: %s\n", error.what());
    return 1;
  }
}
