#include "interpreter/copy_layer.h"

#include <algorithm>

#include "interpreter/model_part.h"
#include "interpreter/same_datum.h"

namespace lathe {
namespace {

bool is_below(const LayerInstance& layer, const LayerInstance& top) {
  for (const LayerInstance* at = &layer; at != nullptr; at = at->parent) {
    if (at == &top) return true;
  }
  return false;
}

const LayerType* kind_of(const LayerInstance* layer) {
  return layer == nullptr ? nullptr : layer->type;
}

bool same_fields(const std::vector<GivenField>& a,
                 const std::vector<GivenField>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const GivenField& x, const GivenField& y) {
                      return x.name == y.name && x.pending == nullptr &&
                             y.pending == nullptr &&
                             same_datum(x.value, y.value);
                    });
}

}  // namespace

Recorder::Recorder(Elaborator& elaborator, LayerInstance& layer)
    : elaborator_(elaborator),
      layer_(layer),
      begin_(extent_of(elaborator.model_)),
      deepest_before_(elaborator.deepest_) {
  elaborator_.deepest_ = elaborator_.active_.size();
  elaborator_.recorders_.push_back(this);
}

Recorder::~Recorder() {
  elaborator_.recorders_.pop_back();
  elaborator_.deepest_ = std::max(elaborator_.deepest_, deepest_before_);
}

size_t Recorder::depth() const {
  return elaborator_.deepest_ - elaborator_.active_.size();
}

const LayerInstance& maker_of_sublayers(const LayerInstance& layer) {
  if (!layer.replica) return layer;
  return layer.replayed ? *layer.replayed->layer : *layer.twin;
}

void Elaborator::spoil_recordings() {
  for (Recorder* recorder : recorders_) recorder->spoil();
}

// A layer outside whose path looks as if it were inside would be mistaken.
void Elaborator::note_active() {
  deepest_ = std::max(deepest_, active_.size());
  const LayerInstance& layer = *active_.back().layer;
  for (Recorder* recorder : recorders_) {
    const LayerInstance& top = recorder->layer();
    if (path_is_below(layer.path, top.path) && !is_below(layer, top)) {
      recorder->spoil();
    }
  }
}

size_t Elaborator::build_key(LayerInstance& layer) {
  size_t key = std::hash<const LayerType*>()(layer.type);
  key = combined_hash(key, hash_of(builtin_param(layer, "dtype")));
  key = combined_hash(key, hash_of(builtin_param(layer, "device")));
  for (const GivenField& field : layer.given) {
    key = combined_hash(key, hash_of(field.value));
  }
  return key;
}

bool Elaborator::same_index(LayerInstance& a, LayerInstance& b) {
  return same_datum(builtin_param(a, "layer_index"),
                    builtin_param(b, "layer_index"));
}

LayerInstance* Elaborator::built_alike(LayerInstance& layer, size_t key) {
  const auto found = built_.find(key);
  if (found == built_.end()) return nullptr;
  for (LayerInstance* other : found->second) {
    const bool alike =
        other->type == layer.type &&
        kind_of(other->written_in) == kind_of(layer.written_in) &&
        same_fields(other->given, layer.given) &&
        same_datum(builtin_param(*other, "dtype"),
                   builtin_param(layer, "dtype")) &&
        same_datum(builtin_param(*other, "device"),
                   builtin_param(layer, "device")) &&
        (!other->reads_index || same_index(*other, layer));
    if (alike) return other;
  }
  return nullptr;
}

void Elaborator::build(LayerInstance& layer) {
  if (layer.built != Progress::kNotYet) return;
  for (Recorder* recorder : recorders_) {
    if (!is_below(layer, recorder->layer())) recorder->spoil();
  }
  if (layer.parent == nullptr || !inputs_.copies) return build_afresh(layer);
  const size_t key = build_key(layer);
  if (copy_build(layer, key)) return;
  const Recorder recorder(*this, layer);
  build_afresh(layer);
  std::vector<LayerInstance*>& alike = built_[key];
  if (recorder.spoiled() || layer.failed || alike.size() >= kMostAlike) return;
  layer.twin = &layer;
  layer.begin = recorder.begin();
  layer.end = extent_of(model_);
  layer.depth = recorder.depth();
  alike.push_back(&layer);
}

// Two weights of one path are a mistake, which only building can report.
bool Elaborator::adds_new_paths(const PartCopier& copier,
                                const ModelExtent& begin,
                                const ModelExtent& end) const {
  bool fresh = true;
  copier.for_each_path(begin, end, [&](const std::string& path) {
    fresh = fresh && weight_paths_.count(path) == 0;
  });
  return fresh;
}

// Notes the paths of weights that were copied for a replica.
void Elaborator::own_paths(LayerInstance& layer, size_t first) {
  for (size_t i = first; i < model_.graph.weights.size(); ++i) {
    weight_paths_.emplace(model_.graph.weights[i].path,
                          WeightPath{i, &layer});
  }
}

bool Elaborator::copy_build(LayerInstance& layer, size_t key) {
  LayerInstance* twin = built_alike(layer, key);
  if (twin == nullptr) return false;
  if (active_.size() + twin->depth >= kMaxLayerDepth) return false;
  PartCopier copier(model_, *twin, layer);
  if (!adds_new_paths(copier, twin->begin, twin->end)) return false;
  layer.begin = extent_of(model_);
  copier.append(twin->begin, twin->end, {}, {});
  layer.end = extent_of(model_);
  own_paths(layer, layer.begin.weights);
  deepest_ = std::max(deepest_, active_.size() + twin->depth);
  layer.twin = twin;
  layer.replica = true;
  layer.built = Progress::kDone;
  return true;
}

// A weight that exists already, because it was copied for a replica that
// `layer` is in. What is recorded just now does not hold it.
bool Elaborator::claim_copied(LayerInstance& layer, const std::string& path,
                              WeightSlot& slot) {
  const auto known = weight_paths_.find(path);
  if (known == weight_paths_.end()) return false;
  WeightPath& copied = known->second;
  if (copied.replica == nullptr || !is_below(layer, *copied.replica)) {
    return false;
  }
  copied.replica = nullptr;
  slot.value = model_.graph.weights[copied.number].value;
  for (Recorder* recorder : recorders_) {
    if (recorder->begin().weights > copied.number) recorder->spoil();
  }
  return true;
}

void Elaborator::make_sublayers(LayerInstance& layer) {
  if (!layer.replica) return;
  layer.replica = false;
  build_afresh(layer);
  if (layer.replayed) catch_up(layer, *layer.replayed->layer);
}

// What calls did to the sub-layers of the twin, done to those of `layer`.
void Elaborator::catch_up(LayerInstance& layer, const LayerInstance& twin) {
  const std::vector<LayerInstance*>& theirs =
      maker_of_sublayers(twin).children;
  const size_t count = std::min(layer.children.size(), theirs.size());
  for (size_t i = 0; i < count; ++i) {
    LayerInstance& own = *layer.children[i];
    const LayerInstance& other = *theirs[i];
    if (!other.called) continue;
    own.called = true;
    own.outputs = other.outputs;
    // Sizes that followed from its input.
    for (size_t k = own.given.size(); k < other.given.size(); ++k) {
      own.given.push_back(other.given[k]);
    }
    build(own);
    if (!other.replica) make_sublayers(own);
    if (own.replica) {
      own.replayed = other.replayed;
    } else {
      catch_up(own, other);
    }
  }
}

}  // namespace lathe
