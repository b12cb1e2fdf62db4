// The rows of what people see, as tables: of a whole view (view.cc) and of its changes
// (changes.cc).
#pragma once

#include "codec/view_parts.h"
#include "core/core.h"

namespace magneto::codec {

flatbuffers::Offset<view::WorkerView> write_worker(flatbuffers::FlatBufferBuilder& builder,
                                                   const core::State& state,
                                                   const core::Worker& from);
flatbuffers::Offset<view::ExecutorView> write_executor(flatbuffers::FlatBufferBuilder& builder,
                                                       const core::PastExecutor& from);

// What else stands in the row of an application.
struct ApplicationParts {
  uint32_t memory_per_executor_mb = 0;
  uint32_t executor_limit = core::unlimited;
  Tables<view::ExecutorView> executors;
  Tables<view::ExecutorView> removed;
  Tables<view::Explanation> explanations;
};
flatbuffers::Offset<view::ApplicationView> write_application(
    flatbuffers::FlatBufferBuilder& builder, const core::Application& from,
    const ApplicationParts& parts);

flatbuffers::Offset<view::DriverView> write_driver(
    flatbuffers::FlatBufferBuilder& builder, const core::Driver& from,
    flatbuffers::Offset<view::Explanation> explanation);

// The lists of the cluster; those that are left out are written by nobody.
struct ClusterParts {
  Tables<view::WorkerView> workers;
  Tables<view::ApplicationView> active;
  Tables<view::ApplicationView> completed;
  Tables<view::DriverView> drivers;
  Tables<view::DriverView> completed_drivers;
};
flatbuffers::Offset<view::ClusterView> write_cluster(flatbuffers::FlatBufferBuilder& builder,
                                                     const core::State& state,
                                                     const std::string& master_url,
                                                     core::Millis now_ms,
                                                     const ClusterParts& parts);

}  // namespace magneto::codec
