// P17: Java's format of (yyyyMMddHHmmss, number), as far as ids need it: %s %S %d %x %X %o %%,
// argument indexes, widths, precisions of texts and the flags - # + space 0 , (.
#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "core/core.h"
#include "core/limits.h"

namespace magneto::core {

namespace {

constexpr size_t max_width = 64;

std::string padded(uint64_t number, size_t width) {
  std::string digits = std::to_string(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

// Days since 1970-01-01 to year, month, day (proleptic Gregorian), by 400-year eras from 1 March.
std::string timestamp(Millis local_ms) {
  const int64_t seconds = local_ms / 1000;
  const int64_t days = seconds / 86400;
  const int64_t second = seconds % 86400;
  const int64_t shifted = days + 719468;
  const int64_t era = shifted / 146097;
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const auto two = [](int64_t value) { return padded(static_cast<uint64_t>(value), 2); };
  return padded(static_cast<uint64_t>(year), 4) + two(month) + two(day) + two(second / 3600) +
         two(second / 60 % 60) + two(second % 60);
}

struct Conversion {
  Text written;
  size_t index = 0;  // 0: the next one
  std::string flags;
  size_t width = 0;
  std::optional<size_t> precision;
  char kind = 0;

  bool has(char flag) const { return flags.find(flag) != std::string::npos; }
};

[[noreturn]] void refuse(const Conversion& conversion, const char* why) {
  throw std::invalid_argument("'" + std::string(conversion.written) + "' " + why);
}

class Formatter {
 public:
  Formatter(Text pattern, Millis local_ms, uint64_t number)
      : pattern_(pattern), time_(timestamp(std::max<Millis>(local_ms, 0))), number_(number) {}

  std::string run() {
    std::string result;
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '%') {
        result += converted(parse());
      } else {
        result += c;
        ++at_;
      }
    }
    if (!has_number_) throw std::invalid_argument("it has no place for the number, such as %2$04d");
    if (result.size() > limits::max_id_bytes)
      throw std::invalid_argument("its ids are longer than " +
                                  std::to_string(limits::max_id_bytes) + " bytes");
    for (const char c : result)
      if (static_cast<unsigned char>(c) <= ' ' || c == '/' || c == '\\' || c == 0x7f)
        throw std::invalid_argument("its ids have white space, a slash or a control character");
    return result;
  }

 private:
  std::optional<size_t> digits() {
    const char* from = pattern_.data() + at_;
    const char* last = pattern_.data() + pattern_.size();
    size_t value = 0;
    const auto [end, error] = std::from_chars(from, last, value);
    if (end == from) return {};
    at_ += static_cast<size_t>(end - from);
    return error == std::errc() ? value : max_width + 1;
  }

  bool take(char c) {
    if (at_ >= pattern_.size() || pattern_[at_] != c) return false;
    ++at_;
    return true;
  }

  Conversion parse() {
    Conversion conversion;
    const size_t from = at_++;
    const size_t after_percent = at_;
    if (at_ < pattern_.size() && pattern_[at_] != '0') {
      const auto index = digits();
      if (index && take('$'))
        conversion.index = *index;
      else
        at_ = after_percent;  // it was the width
    }
    while (at_ < pattern_.size() && Text("-#+ 0,(").find(pattern_[at_]) != Text::npos)
      conversion.flags += pattern_[at_++];
    conversion.width = digits().value_or(0);
    if (take('.')) conversion.precision = digits().value_or(max_width + 1);
    if (at_ < pattern_.size()) conversion.kind = pattern_[at_++];
    conversion.written = pattern_.substr(from, at_ - from);
    if (conversion.width > max_width || conversion.precision.value_or(0) > max_width)
      refuse(conversion, "has a width above 64 or none where one belongs");
    return conversion;
  }

  std::string converted(const Conversion& conversion) {
    if (conversion.written == "%%") return "%";
    if (Text("sSdxXo").find(conversion.kind) == Text::npos || conversion.kind == 0)
      refuse(conversion, "is unknown; known are %s %d %x %X %o and %%");
    const size_t index = conversion.index == 0 ? ++last_ : conversion.index;
    if (index == 0 || index > 2)
      refuse(conversion, "has no argument: 1 is the time, 2 is the number");
    if (index == 2) has_number_ = true;
    if (conversion.width == 0 && (conversion.has('-') || conversion.has('0')))
      refuse(conversion, "needs a width");
    if (conversion.has('-') && conversion.has('0')) refuse(conversion, "has - and 0 at once");
    const bool of_text = conversion.kind == 's' || conversion.kind == 'S';
    return padded_to(conversion, of_text ? text(conversion, index) : digits_of(conversion, index));
  }

  std::string text(const Conversion& conversion, size_t index) const {
    if (conversion.flags.find_first_not_of('-') != std::string::npos)
      refuse(conversion, "has flags that are for numbers");
    // The time and the number have no letters: %S is %s.
    const std::string all = index == 1 ? time_ : std::to_string(number_);
    return all.substr(0, conversion.precision.value_or(all.size()));
  }

  std::string digits_of(const Conversion& conversion, size_t index) const {
    if (index == 1) refuse(conversion, "is for numbers, and argument 1 is the time: use %1$s");
    if (conversion.precision) refuse(conversion, "has a precision, which is for texts");
    return conversion.kind == 'd' ? decimal(conversion) : based(conversion);
  }

  std::string decimal(const Conversion& conversion) const {
    if (conversion.has('#')) refuse(conversion, "has flags that are for %x and %o");
    if (conversion.has('+') && conversion.has(' ')) refuse(conversion, "has + and space at once");
    std::string all = std::to_string(number_);
    if (conversion.has(','))
      for (size_t at = all.size(); at > 3; at -= 3) all.insert(at - 3, 1, ',');
    const std::string sign = conversion.has('+') ? "+" : conversion.has(' ') ? " " : "";
    return zero_filled(conversion, sign, all);
  }

  std::string based(const Conversion& conversion) const {
    if (conversion.flags.find_first_of("+ ,(") != std::string::npos)
      refuse(conversion, "has flags that are for %d");
    char digits[32];
    const auto [end, error] =
        std::to_chars(digits, digits + sizeof digits, number_, conversion.kind == 'o' ? 8 : 16);
    MAGNETO_ASSERT(error == std::errc());
    const char* sign = !conversion.has('#') ? "" : conversion.kind == 'o' ? "0" : "0x";
    std::string all = zero_filled(conversion, sign, std::string(digits, end));
    if (conversion.kind == 'X')
      for (char& c : all) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return all;
  }

  static std::string zero_filled(const Conversion& conversion, const std::string& sign,
                                 const std::string& digits) {
    const size_t size = sign.size() + digits.size();
    const size_t zeros =
        conversion.has('0') && size < conversion.width ? conversion.width - size : 0;
    return sign + std::string(zeros, '0') + digits;
  }

  static std::string padded_to(const Conversion& conversion, std::string all) {
    if (all.size() < conversion.width)
      all.insert(conversion.has('-') ? all.size() : 0, conversion.width - all.size(), ' ');
    return all;
  }

  const Text pattern_;
  const std::string time_;
  const uint64_t number_;
  size_t at_ = 0;
  size_t last_ = 0;
  bool has_number_ = false;
};

}  // namespace

std::string format_id(Text pattern, Millis local_ms, uint64_t number) {
  return Formatter(pattern, local_ms, number).run();
}

}  // namespace magneto::core
