// Settings of the core; checked once, by Core's constructor.
#pragma once

#include <cstdint>
#include <string>

namespace magneto::core {

enum class SelectionPolicy : uint8_t {  // P13
  cores_free_desc,
  cores_free_asc,
  memory_free_asc,
  memory_free_desc,
  worker_id
};

// Spark's Int.MaxValue: applications are not limited.
inline constexpr uint32_t no_default_cores = 2147483647;

struct Config {
  uint32_t worker_timeout_ms = 60'000;    // P18
  uint32_t dead_worker_persistence = 15;  // P9
  int32_t max_executor_retries = 10;      // P10
  bool spread_out_apps = true;            // P11
  SelectionPolicy selection_policy = SelectionPolicy::cores_free_desc;
  uint32_t default_cores = no_default_cores;         // P14
  uint32_t retained_applications = 200;              // P8
  std::string app_id_pattern = "app-%s-%04d";        // P17
  uint64_t seed = 0;                                 // for what Spark leaves to chance (A3)
  bool spread_out_drivers = true;                    // P12
  uint32_t max_drivers = 2147483647;                 // P15
  uint32_t retained_drivers = 200;                   // P8
  std::string driver_id_pattern = "driver-%s-%04d";  // P17
  uint32_t app_number_modulo = 0;                    // P16; 0: none
  bool use_app_name_as_app_id = false;               // P29
  bool standby = false;                              // S1: until it is elected
  uint32_t recovery_timeout_ms = 60'000;             // T7
  // An application with a limit gets nothing new for so long while a worker is still silent.
  uint32_t recovery_grace_ms = 3'000;
};

}  // namespace magneto::core
