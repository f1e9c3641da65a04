// Calls of layers that are copied; copy_layer.cpp copies what is built.

#include <algorithm>

#include "interpreter/copy_layer.h"
#include "interpreter/model_part.h"
#include "interpreter/same_datum.h"

namespace lathe {
namespace {

bool is_unnamed(const Graph& graph, ValueId id) {
  const Value& value = graph.values[id];
  const Node& node = graph.nodes[value.node];
  return node.kind == NodeKind::kOp && value.name == node.op;
}

bool same_maker(const std::pair<std::string, SourceSpan>& a,
                const std::pair<std::string, SourceSpan>& b) {
  return a.first == b.first && a.second.file == b.second.file &&
         a.second.begin == b.second.begin;
}

// The tensors among the names of a frame, by name.
std::vector<ValueId> tensors_of(
    const std::map<std::string, Datum, std::less<>>& names) {
  std::vector<ValueId> ids;
  for (const auto& [name, datum] : names) {
    if (const TensorRef* tensor = datum.as<TensorRef>()) {
      ids.push_back(tensor->id);
    }
  }
  return ids;
}

// Adds the tensors in a datum; false if it holds what a copy cannot have.
bool collect_tensors(const Datum& datum, std::vector<ValueId>& ids) {
  if (const TensorRef* tensor = datum.as<TensorRef>()) {
    ids.push_back(tensor->id);
    return true;
  }
  const auto each = [&](const Datum& item) {
    return collect_tensors(item, ids);
  };
  if (const DatumList* list = datum.as<DatumList>()) {
    return std::all_of((*list)->begin(), (*list)->end(), each);
  }
  if (const auto* fields = datum.as<std::shared_ptr<const DatumStruct>>()) {
    return std::all_of((*fields)->fields.begin(), (*fields)->fields.end(),
                       [&](const auto& field) { return each(field.second); });
  }
  return !datum.unknown() && !datum.layer();
}

}  // namespace

bool Elaborator::can_copy(const CallRecording& recording,
                          LayerInstance& layer, const Frame& frame) const {
  const LayerInstance& other = *recording.layer;
  // Sub-layers that are there would not be called.
  const bool alone = layer.children.empty() && other.children.empty() &&
                     recording.begin.weights == recording.end.weights;
  if (!layer.replica && !alone) return false;
  if (recording.dims != frame.dims) return false;
  if (recording.names.size() != frame.names.size()) return false;
  size_t tensors = 0;
  auto given = frame.names.begin();
  for (const auto& [name, datum] : recording.names) {
    if (given->first != name) return false;
    const Datum& own = (given++)->second;
    const TensorRef* before = datum.as<TensorRef>();
    const TensorRef* now = own.as<TensorRef>();
    if (before == nullptr || now == nullptr) {
      if (!same_datum(datum, own)) return false;
      continue;
    }
    const TensorType& wanted = model_.graph.type(before->id);
    const TensorType& got = model_.graph.type(now->id);
    if (wanted.dtype != got.dtype || wanted.shape != got.shape) return false;
    if (recording.unnamed[tensors++] != is_unnamed(model_.graph, now->id)) {
      return false;
    }
  }
  return active_.size() + recording.depth < kMaxLayerDepth &&
         iterations_ + recording.iterations <= kMaxIterations;
}

std::optional<Elaborator::Outputs> Elaborator::copy_call(
    LayerInstance& layer, const Frame& frame, const SourceSpan& place) {
  if (layer.twin == nullptr) return std::nullopt;
  for (const auto& recording : layer.twin->calls) {
    LayerInstance& other = *recording->layer;
    if (!can_copy(*recording, layer, frame)) continue;
    if (other.reads_index && !same_index(other, layer)) continue;
    PartCopier copier(model_, other, layer);
    const std::vector<ValueId> before = tensors_of(recording->names);
    const std::vector<ValueId> now = tensors_of(frame.names);
    bool fits = adds_new_paths(copier, recording->begin, recording->end);
    for (size_t i = 0; i < before.size(); ++i) {
      fits = fits && copier.put(before[i], now[i]);
    }
    if (!fits) continue;
    const size_t first_weight = model_.graph.weights.size();
    copier.append(recording->begin, recording->end, recording->place, place);
    own_paths(layer, first_weight);
    for (const auto& [id, name] : recording->value_names) {
      model_.graph.values[copier.moved(id)].name = name;
    }
    for (const auto& [id, maker] : recording->makers) {
      makers_[copier.moved(id)] = maker;
    }
    iterations_ += recording->iterations;
    deepest_ = std::max(deepest_, active_.size() + recording->depth);
    if (layer.replica) layer.replayed = recording;
    Outputs outputs = recording->outputs;
    for (auto& [name, value] : outputs) value = copier.moved(value);
    return outputs;
  }
  return std::nullopt;
}

Elaborator::Outputs Elaborator::run_or_copy(Frame& frame,
                                            const SourceSpan& call) {
  LayerInstance& layer = *frame.layer;
  const SourceSpan place = own_place(call);
  if (auto copied = copy_call(layer, frame, place)) return *copied;
  make_sublayers(layer);
  if (layer.twin == nullptr || layer.twin->calls.size() >= kMostAlike) {
    return run_body(frame);
  }
  auto recording = std::make_shared<CallRecording>();
  recording->layer = &layer;
  recording->names = frame.names;
  recording->dims = frame.dims;
  recording->place = place;
  recording->iterations = -iterations_;
  for (ValueId id : tensors_of(frame.names)) {
    recording->unnamed.push_back(is_unnamed(model_.graph, id));
    recording->value_names.emplace_back(id, model_.graph.values[id].name);
    recording->makers.emplace_back(id, maker_of(id));
  }
  const Recorder recorder(*this, layer);
  recording->outputs = run_body(frame);
  Outputs outputs = recording->outputs;
  if (finish_recording(*recording, recorder)) {
    layer.twin->calls.push_back(std::move(recording));
  }
  return outputs;
}

Elaborator::Maker Elaborator::maker_of(ValueId value) const {
  const auto found = makers_.find(value);
  return found == makers_.end() ? Maker{} : found->second;
}

// Completes what a call did; false if it is not to be copied.
bool Elaborator::finish_recording(CallRecording& recording,
                                  const Recorder& recorder) {
  if (recorder.spoiled()) return false;
  recording.begin = recorder.begin();
  recording.end = extent_of(model_);
  recording.depth = recorder.depth();
  recording.iterations += iterations_;
  const Graph& graph = model_.graph;
  PartCopier copier(model_, *recording.layer, *recording.layer);
  for (ValueId id : tensors_of(recording.names)) copier.put(id, id);
  std::vector<ValueId> used;
  for (const auto& [name, value] : recording.outputs) {
    if (!collect_tensors(value, used)) return false;
  }
  // Arguments that the call left as they were.
  std::erase_if(recording.value_names, [&](const auto& known) {
    return graph.values[known.first].name == known.second;
  });
  for (auto& [id, name] : recording.value_names) name = graph.values[id].name;
  std::erase_if(recording.makers, [&](const auto& known) {
    return same_maker(maker_of(known.first), known.second);
  });
  for (auto& [id, maker] : recording.makers) maker = maker_of(id);
  for (ValueId id : used) {
    const Value& value = graph.values[id];
    const bool made = static_cast<size_t>(id) >= recording.begin.values &&
                      graph.nodes[value.node].kind == NodeKind::kOp;
    if (made) recording.value_names.emplace_back(id, value.name);
  }
  for (size_t i = recording.begin.nodes; i < recording.end.nodes; ++i) {
    const Node& node = graph.nodes[i];
    used.insert(used.end(), node.inputs.begin(), node.inputs.end());
  }
  for (size_t id = recording.begin.values; id < recording.end.values; ++id) {
    const auto maker = makers_.find(static_cast<ValueId>(id));
    if (maker != makers_.end()) recording.makers.push_back(*maker);
  }
  return std::all_of(used.begin(), used.end(), [&](ValueId id) {
    return copier.knows(id, recording.begin, recording.end);
  });
}

}  // namespace lathe
