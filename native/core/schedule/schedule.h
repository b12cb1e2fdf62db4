// Placement, in the order of the stages:
//   requests.cc  what applications want, grouped by shape; which shapes are worth a try
//   index.cc     which workers can host, in the order of the selection policy
//   assign.cc    how many cores where
//   resources.cc which addresses
//   pass.cc      one pass: head of the queue first, until nothing fits
//   explain.cc   why a request still waits
#pragma once

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
uint64_t index_key(const Worker& worker, SelectionPolicy policy);
bool fits(const Worker& worker, const Shape& shape);  // A10
// To be called after a worker's free capacity or state changed. `risen`: there is more than before,
// so shapes that fitted nowhere are compared with this worker.
void reindex_worker(Core& core, Worker& worker, bool risen);
void unindex_worker(Worker& worker);

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
std::vector<HeldResource> take_resources(Worker& worker, const ResourceAmounts& amounts);  // A19
void give_back_resources(Worker& worker, const std::vector<HeldResource>& held);

// ---- pass.cc ----
void schedule(Core& core);  // A1

// ---- explain.cc ----
// Tells the operator once when an application without executors can't get any (A6).
void tell_waiting(Core& core);

}  // namespace magneto::core
