// Placement, in the order of the stages:
//   requests.cc  what applications want, grouped by shape; which shapes are worth a try
//   index.cc     which workers can host, in the order of the selection policy
//   assign.cc    how many cores where
//   resources.cc which addresses
//   drivers.cc   which worker each waiting driver gets
//   pass.cc      one pass: drivers, then executors, head of the queue first, until nothing fits
//   tell.cc      why requests and drivers still wait (explain.h)
#pragma once

#include <string>
#include <vector>

#include "core/core.h"

namespace magneto::core {

// ---- requests.cc ----
void add_request(Core& core, Application& application, const ProfileText& profile, uint32_t target);
void drop_requests(Core& core, Application& application);
// To be called whenever what decides a request has changed: granted cores, executors, targets.
void refresh_requests(Core& core, Application& application);
void block_shape(State& state, Shape& shape);
bool wants(const Application& application, const Request& request);

// ---- index.cc ----
Runtime& intern_runtime(State& state, Text name);
void release_runtime(State& state, Runtime& runtime);
// Valid until as many workers have released the set as have interned it.
const RuntimeSet& intern_runtimes(State& state, const std::vector<Text>& names);
void release_runtimes(State& state, const RuntimeSet& set);
uint64_t index_key(const Worker& worker, SelectionPolicy policy);
bool fits(const Worker& worker, const Shape& shape);  // A10
// To be called after a worker's free capacity or state changed. `risen`: there is more than before,
// so shapes that fitted nowhere are compared with this worker.
void reindex_worker(Core& core, Worker& worker, bool risen);
void unindex_worker(Worker& worker);
// Among those that drivers are placed on: while Worker::takes_new.
void enlist_worker(State& state, Worker& worker);
void delist_worker(State& state, Worker& worker);

// ---- assign.cc ----
struct Assignment {
  Worker* worker = nullptr;
  uint32_t cores = 0;
  uint32_t executors = 0;
};
// In the order of launching. Changes nothing.
std::vector<Assignment> assign(const Core& core, const Application& application,
                               const Request& request);

// ---- resources.cc ----
uint32_t resource_free(const Worker& worker, Text name);
// What an executor or a driver takes of a worker (A19, A23); call reindex_worker when all is taken.
std::vector<HeldResource> occupy(Worker& worker, uint32_t cores, uint32_t memory_mb,
                                 const ResourceAmounts& amounts);
// The same with addresses that its worker has told; changes nothing unless it is empty: why not.
std::string take_over(Worker& worker, uint32_t cores, uint32_t memory_mb,
                      const std::vector<ResourceText>& resources, std::vector<HeldResource>& held);
void vacate(Core& core, Worker& worker, uint32_t cores, uint32_t memory_mb,
            const std::vector<HeldResource>& held);
Holdings holdings(const Worker& worker, const std::vector<HeldResource>& held);
// Points into `from`.
std::vector<ResourceText> texts(const Holdings& from);

// ---- drivers.cc ----
// The driver waits from now on, behind all others.
void enqueue_driver(Core& core, Driver& driver);
void dequeue_driver(Core& core, Driver& driver);
// To be called when there is more free than before on a worker that takes anything new.
void open_driver_shapes(State& state, const Worker& worker);
// A2 to A5. While nothing fits, it costs nothing at any number of workers and waiting drivers.
void schedule_drivers(Core& core);
bool fits(const Worker& worker, const DriverShape& shape);

// ---- pass.cc ----
void schedule(Core& core);  // A1

// ---- tell.cc ----
// Tells the operator why an application without executors, or a driver, waits: once a reason (A6).
// Call it when a pass has ended; `core.touched` names applications that ask for something else now.
void tell_waiting(Core& core);
// An application gets an executor: if it was told of, its waiting is over.
void tell_started(Core& core, Application& application, const Worker& worker);

}  // namespace magneto::core
