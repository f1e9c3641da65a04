#include "interpreter/model_part.h"

namespace lathe {
namespace {

bool same_place(const SourceSpan& a, const SourceSpan& b) {
  return a.file == b.file && a.begin == b.begin && a.end == b.end;
}

bool within(ValueId id, size_t begin, size_t end) {
  const size_t position = static_cast<size_t>(id);
  return begin <= position && position < end;
}

}  // namespace

ModelExtent extent_of(const Model& model) {
  return {model.graph.nodes.size(), model.graph.values.size(),
          model.graph.weights.size()};
}

bool path_is_below(std::string_view path, std::string_view top) {
  if (top.empty()) return true;
  return path.substr(0, top.size()) == top &&
         (path.size() == top.size() || path[top.size()] == '.');
}

std::string path_below(std::string_view path, std::string_view from,
                       std::string_view to) {
  path.remove_prefix(from.size());
  if (!path.empty() && path[0] == '.') path.remove_prefix(1);
  return joined_path(to, path);
}

PartCopier::PartCopier(Model& model, const LayerInstance& from,
                       const LayerInstance& to)
    : model_(model), from_(from), to_(to) {}

bool PartCopier::put(ValueId from, ValueId to) {
  for (const auto& [known, standing] : arguments_) {
    if (known == from) return standing == to;
  }
  arguments_.emplace_back(from, to);
  return true;
}

std::string PartCopier::moved_path(std::string_view path) const {
  if (!path_is_below(path, from_.path)) return std::string(path);
  return path_below(path, from_.path, to_.path);
}

void PartCopier::for_each_path(
    const ModelExtent& begin, const ModelExtent& end,
    const std::function<void(std::string)>& visit) const {
  for (size_t i = begin.weights; i < end.weights; ++i) {
    visit(moved_path(model_.graph.weights[i].path));
  }
}

void PartCopier::append(const ModelExtent& begin, const ModelExtent& end,
                        const SourceSpan& old_place,
                        const SourceSpan& new_place) {
  Graph& graph = model_.graph;
  first_ = begin.values;
  end_ = end.values;
  shift_ = graph.values.size() - begin.values;
  const size_t node_shift = graph.nodes.size() - begin.nodes;
  for (size_t id = begin.values; id < end.values; ++id) {
    Value value = graph.values[id];
    const Node& node = graph.nodes[value.node];
    if (node.kind == NodeKind::kWeight) value.name = moved_path(value.name);
    value.node += static_cast<NodeId>(node_shift);
    graph.values.push_back(std::move(value));
  }
  for (size_t id = begin.nodes; id < end.nodes; ++id) {
    Node node = graph.nodes[id];
    for (ValueId& input : node.inputs) input = moved(input);
    for (ValueId& output : node.outputs) output = moved(output);
    if (node.kind != NodeKind::kConstant) node.path = moved_path(node.path);
    if (same_place(node.span, old_place)) node.span = new_place;
    graph.nodes.push_back(std::move(node));
  }
  for (size_t i = begin.weights; i < end.weights; ++i) {
    GraphWeight weight = graph.weights[i];
    WeightFill fill = model_.weights[i];
    weight.path = fill.path = moved_path(weight.path);
    weight.value = fill.value = moved(weight.value);
    graph.weights.push_back(std::move(weight));
    model_.weights.push_back(std::move(fill));
  }
}

ValueId PartCopier::moved(ValueId id) const {
  if (within(id, first_, end_)) return id + static_cast<ValueId>(shift_);
  for (const auto& [from, to] : arguments_) {
    if (from == id) return to;
  }
  if (within(id, from_.begin.values, from_.end.values)) {
    return id + static_cast<ValueId>(to_.begin.values) -
           static_cast<ValueId>(from_.begin.values);
  }
  return id;
}

Datum PartCopier::moved(const Datum& datum) const {
  if (const TensorRef* tensor = datum.as<TensorRef>()) {
    return TensorRef{moved(tensor->id)};
  }
  if (const DatumList* list = datum.as<DatumList>()) {
    std::vector<Datum> items;
    for (const Datum& item : **list) items.push_back(moved(item));
    return make_list(std::move(items));
  }
  if (const auto* fields = datum.as<std::shared_ptr<const DatumStruct>>()) {
    auto copy = std::make_shared<DatumStruct>(**fields);
    for (auto& [name, value] : copy->fields) value = moved(value);
    return std::shared_ptr<const DatumStruct>(std::move(copy));
  }
  return datum;
}

bool PartCopier::knows(ValueId id, const ModelExtent& begin,
                       const ModelExtent& end) const {
  if (within(id, begin.values, end.values)) return true;
  for (const auto& [from, to] : arguments_) {
    if (from == id) return true;
  }
  if (within(id, from_.begin.values, from_.end.values)) return true;
  const Node& node = model_.graph.nodes[model_.graph.values[id].node];
  return node.kind == NodeKind::kWeight &&
         !path_is_below(node.path, from_.path);
}

}  // namespace lathe
