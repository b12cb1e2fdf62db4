// TCP connections of one loop of libuv. What happens to them is told in batches, one a turn of the
// loop, and what they send lies in one slab after the other: a read costs its system call and
// little else. Knows nothing of Node.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace magneto::tcp {

// A slab with less room than one read may take is used up.
constexpr size_t kReadBytes = 64 * 1024;

enum class Event : int32_t {
  kAccepted = 1,   // by the listener
  kConnected = 2,  // that we have opened
  kData = 3,       // from, length: in the slab
  kEnded = 4,      // the peer sends no more
  kClosed = 5,     // from: why, below 0 as libuv counts errors; the last of its stream, and told of
                   // those, too, of which nothing else was
  kFault = 6,      // from: why the listener could not accept
};

// Four numbers, so that a batch can be handed over as it is.
struct Told {
  Event event;
  int32_t stream;
  int32_t from;
  int32_t length;
};

struct Address {
  std::string host;
  int port;
};

class Streams {
 public:
  // Gets what has happened, in order, and may call all but itself. It is to `use` a new slab when
  // the one that it was told of is used up. Returns whether the bytes that it was told of are still
  // needed; their place is taken again if not.
  using Tell = std::function<bool(std::span<const Told>)>;

  Streams(uv_loop_t* loop, Tell tell);
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  ~Streams();

  // What is read from now on lies there. The one before is not touched any more.
  void use(std::span<uint8_t> slab);
  bool is_used_up() const { return slab_.size() - used_ < kReadBytes; }

  // Addresses are numeric. Return the port; a stream; or an error of libuv, below 0.
  int listen(const std::string& address, int port);
  int connect(const std::string& address, int port);
  void stop_listening();

  // All of these take streams that are gone for what they are: nothing happens.
  //
  // Returns what the system has not taken yet, bytes.
  size_t write(int32_t stream, std::span<const uint8_t> bytes);
  size_t unsent(int32_t stream) const;
  // Sends what waits, then that nothing more comes. The stream is closed when the peer has said the
  // same.
  void end(int32_t stream);
  void destroy(int32_t stream);
  void keep_alive(int32_t stream, unsigned after_s);
  // Its port is 0 when it is gone.
  Address peer(int32_t stream) const;
  // A descriptor of its connection, which is the caller's; what was read before is still told.
  // Below 0: an error.
  int release(int32_t stream);

  // Closes everything and tells nothing more; on_gone, when the loop has let go of all, may delete
  // this.
  void leave(std::function<void()> on_gone);

 private:
  struct Stream;
  struct Listener;
  struct Rest;

  Stream* find(int32_t stream) const;
  Stream* add();
  bool start_reading(Stream& stream);
  void close(Stream& stream, int error);
  void accept(int status);
  void read(Stream& stream, ssize_t bytes);
  void tell(Event event, int32_t stream, int32_t from = 0, int32_t length = 0);
  void deliver();
  void handle_closed();

  uv_loop_t* const loop_;
  const Tell tell_;
  std::function<void()> on_gone_;
  // After a poll, and before one for what has happened elsewhere in the turn.
  uv_check_t after_poll_{};
  uv_prepare_t before_poll_{};
  Listener* listener_ = nullptr;
  std::vector<std::unique_ptr<Stream>> streams_;
  // Not an id of which the owner may still hear.
  std::vector<int32_t> free_ids_;
  std::span<uint8_t> slab_;
  size_t used_ = 0;
  // Where the bytes of the batch begin that is being gathered.
  size_t batch_from_ = 0;
  std::vector<Told> told_;
  std::vector<Told> batch_;
  int open_handles_ = 0;
  bool is_delivering_ = false;
  bool is_leaving_ = false;
};

}  // namespace magneto::tcp
