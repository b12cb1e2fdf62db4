// P17: Java's format with (yyyyMMddHHmmss, number), as far as ids need it.
#include <charconv>

#include "core/core.h"

namespace magneto::core {

namespace {

std::string padded(uint64_t number, size_t width, char fill) {
  std::string digits = std::to_string(number);
  if (digits.size() < width) digits.insert(0, width - digits.size(), fill);
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
  const auto two = [](int64_t value) { return padded(static_cast<uint64_t>(value), 2, '0'); };
  return padded(static_cast<uint64_t>(year), 4, '0') + two(month) + two(day) + two(second / 3600) +
         two(second / 60 % 60) + two(second % 60);
}

}  // namespace

std::string application_id(Text pattern, Millis local_ms, uint64_t number) {
  const size_t max_width = 32;
  std::string id;
  bool has_number = false;
  for (size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (static_cast<unsigned char>(c) <= ' ' || c == '/') return {};
    if (c != '%') {
      id += c;
      continue;
    }
    size_t end = at + 1;
    while (end < pattern.size() && pattern[end] >= '0' && pattern[end] <= '9') ++end;
    if (end >= pattern.size()) return {};
    size_t width = 0;
    std::from_chars(pattern.data() + at + 1, pattern.data() + end, width);
    if (width > max_width) return {};
    if (pattern[end] == 's' && end == at + 1) {
      id += timestamp(local_ms);
    } else if (pattern[end] == 'd') {
      id += padded(number, width, pattern[at + 1] == '0' ? '0' : ' ');
      if (width > 0 && pattern[at + 1] != '0') return {};
      has_number = true;
    } else if (pattern[end] == '%' && end == at + 1) {
      id += '%';
    } else {
      return {};
    }
    at = end;
  }
  return has_number ? id : std::string();
}

}  // namespace magneto::core
