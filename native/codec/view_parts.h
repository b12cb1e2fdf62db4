// Tables of ClusterView that more than one of its parts has.
#pragma once

#include <string>
#include <vector>

#include "codec/gen/view_generated.h"
#include "core/schedule/explain.h"

namespace magneto::codec {

template <class T>
using Tables = flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<T>>>;

Tables<control::Resource> write_holdings(flatbuffers::FlatBufferBuilder& builder,
                                         const core::Holdings& from);
Tables<control::ResourceAmount> write_amounts(flatbuffers::FlatBufferBuilder& builder,
                                              const core::ResourceAmounts& from);
flatbuffers::Offset<view::Explanation> write_explanation(flatbuffers::FlatBufferBuilder& builder,
                                                         const core::Explanation& from);

}  // namespace magneto::codec
