// Every bound of the core, in one place. Beyond one the peer is refused with a reason.
#pragma once

#include <cstddef>
#include <cstdint>

namespace magneto::core::limits {

inline constexpr size_t max_message_bytes = 16u << 20;
inline constexpr size_t max_description_bytes = 8u << 20;
inline constexpr size_t max_id_bytes = 256;
inline constexpr size_t max_text_bytes = 4096;
// Messages of executors and reasons are cut to this before they travel on.
inline constexpr size_t max_forwarded_text_bytes = 2048;
// What an unhealthy worker says of itself is cut to this: it is kept, and repeated in sentences.
inline constexpr size_t max_health_report_bytes = 256;

inline constexpr size_t max_sessions = 250'000;
inline constexpr size_t max_workers = 100'000;
inline constexpr size_t max_dead_workers = 10'000;
inline constexpr size_t max_applications = 50'000;
inline constexpr size_t max_completed_applications = 10'000;
inline constexpr size_t max_executors_per_application = 200'000;
inline constexpr size_t max_removed_executors_per_application = 1'000;
inline constexpr size_t max_profiles_per_application = 1'000;
inline constexpr size_t max_resources = 64;
inline constexpr size_t max_addresses_per_resource = 1'024;
inline constexpr size_t max_runtimes_per_worker = 64;
inline constexpr size_t max_runtimes_per_driver = 64;
inline constexpr size_t max_drivers = 50'000;  // that wait or run
// Of an application that has ended: so many of its last executors are kept on disk.
inline constexpr size_t max_executors_in_history = 50;
// Ends of executors that an application missed while no master could tell it.
inline constexpr size_t max_missed_updates_per_application = 1'000;
inline constexpr size_t max_completed_drivers = 10'000;
inline constexpr uint32_t min_app_number_modulo = 1'000;  // P16
inline constexpr size_t max_hosts = 10'000;               // of one request to decommission
inline constexpr uint32_t max_cores_per_worker = 1u << 20;
inline constexpr uint32_t max_memory_mb = 1u << 30;
inline constexpr uint32_t max_timeout_ms = 1'000'000'000;

// Memory of an executor when the application names none, as in Spark.
inline constexpr uint32_t default_executor_memory_mb = 1024;
// A JVM of Spark refuses to start with a smaller heap.
inline constexpr uint32_t least_spark_memory_mb = 450;
// Each survey walks all workers to explain one demand. Beyond these the oldest demands go first.
inline constexpr size_t max_surveys_per_view = 64;
inline constexpr uint64_t max_workers_surveyed_per_view = 1'000'000;
// Of one request for explanations: applications and drivers, and what it may cost.
inline constexpr size_t max_explained = 500;
inline constexpr uint64_t max_workers_surveyed_per_request = 50'000;
inline constexpr size_t max_surveys_per_retelling = 64;
// So long after the set of workers has changed, the log says what that changed for who waits.
inline constexpr int64_t retell_after_ms = 10'000;
// Executor ids are made durable in blocks (spec A18): one record a block instead of one a launch.
inline constexpr uint32_t executor_id_block = 256;

static_assert(max_description_bytes < max_message_bytes);
static_assert(max_workers + max_applications < max_sessions);

}  // namespace magneto::core::limits
