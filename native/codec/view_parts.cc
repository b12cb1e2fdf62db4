#include "codec/view_parts.h"

namespace magneto::codec {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

Offset<view::ClosestFit> closest_fit(FlatBufferBuilder& builder, const core::Closest& from) {
  const auto id = builder.CreateString(from.worker->id());
  const auto resources = write_amounts(builder, from.now.resources);
  return view::CreateClosestFit(builder, id, from.now.cores, from.now.memory_mb, resources,
                                from.fits_when_idle());
}

}  // namespace

Tables<control::Resource> write_holdings(FlatBufferBuilder& builder, const core::Holdings& from) {
  std::vector<Offset<control::Resource>> all;
  for (const auto& [name, addresses] : from) {
    const auto units = builder.CreateVectorOfStrings(addresses);
    all.push_back(control::CreateResource(builder, builder.CreateString(name), units));
  }
  return builder.CreateVector(all);
}

Tables<control::ResourceAmount> write_amounts(FlatBufferBuilder& builder,
                                              const core::ResourceAmounts& from) {
  std::vector<Offset<control::ResourceAmount>> all;
  for (const auto& [name, amount] : from)
    all.push_back(control::CreateResourceAmount(builder, builder.CreateString(name), amount));
  return builder.CreateVector(all);
}

Offset<view::Explanation> write_explanation(FlatBufferBuilder& builder,
                                            const core::Explanation& from) {
  const core::Survey& survey = *from.survey;
  const auto resources = write_amounts(builder, from.demand->resources);
  const auto runtimes = builder.CreateVectorOfStrings(from.demand->runtimes);
  Offset<view::ClosestFit> closest;
  if (survey.closest.worker) closest = closest_fit(builder, survey.closest);
  const auto reason = builder.CreateString(from.reason);
  const auto advice = builder.CreateString(from.advice);
  view::ExplanationBuilder to(builder);
  to.add_profile_id(from.profile_id);
  to.add_cores(from.demand->cores);
  to.add_memory_mb(from.demand->memory_mb);
  to.add_resources(resources);
  to.add_runtimes(runtimes);
  if (from.wanted) to.add_wanted(*from.wanted);
  to.add_limit(static_cast<view::Limit>(from.limit));
  to.add_workers(survey.workers);
  to.add_ruled_out_by_state(survey.ruled_out_by_state);
  to.add_ruled_out_by_runtime(survey.ruled_out_by_runtime);
  to.add_ruled_out_by_cores(survey.ruled_out_by_cores);
  to.add_ruled_out_by_memory(survey.ruled_out_by_memory);
  to.add_ruled_out_by_resources(survey.ruled_out_by_resources);
  to.add_fitting(survey.fitting);
  to.add_fitting_when_idle(survey.fitting_when_idle);
  if (survey.closest.worker) to.add_closest(closest);
  to.add_reason(reason);
  to.add_advice(advice);
  to.add_unhealthy(survey.unhealthy);
  return to.Finish();
}

}  // namespace magneto::codec
