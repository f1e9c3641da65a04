#pragma once
// Layers that are elaborated once and then copied.
//
// The hundred blocks of a model differ in nothing but their paths. So the
// first layer that is built from some fields is the twin of all that are built
// from the same: what building it appended to the model is appended again
// under other paths. Likewise for calls with arguments of equal types. A layer
// that was copied is a replica: its sub-layers are made when somebody asks
// for one, or calls the layer as its twin never was; they find the weights
// that the copy made.
//
// What was recorded is the model as it grew meanwhile, between two extents.
// It is of no use (`spoiled`) if in between something happened that a copy
// would not repeat: a message, work on a layer outside, or a value that
// depends on the path. What depends on `layer_index` is copied between layers
// of one index only.
//
// Names, places, constraints and the rows of `check --summary` come out as if
// every layer had been elaborated by itself.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/elaborator.h"

namespace lathe {

// Of those built from equal hashes, and of the ways to call one: where there
// are more, looking for the right one would cost too much.
inline constexpr size_t kMostAlike = 8;

// A call of a layer: what it depended on, and what it did to the model.
struct CallRecording {
  LayerInstance* layer = nullptr;
  std::map<std::string, Datum, std::less<>> names;  // of the frame, before
  std::map<std::string, Dim, std::less<>> dims;
  SourceSpan place;  // in the user's file
  ModelExtent begin, end;
  Elaborator::Outputs outputs;
  std::vector<bool> unnamed;  // tensors of `names` that had no name yet
  // What values were called afterwards, and what made them: all of the part's
  // that have a maker, its outputs, and the arguments that the call changed.
  std::vector<std::pair<ValueId, std::string>> value_names;
  std::vector<std::pair<ValueId, Elaborator::Maker>> makers;
  int64_t iterations = 0;
  size_t depth = 0;  // of the layers in it
};

// Watches the elaboration of a layer while it lives.
class Recorder {
 public:
  Recorder(Elaborator& elaborator, LayerInstance& layer);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  void spoil() { spoiled_ = true; }
  bool spoiled() const { return spoiled_; }
  const LayerInstance& layer() const { return layer_; }
  const ModelExtent& begin() const { return begin_; }
  // Of the layers that were built or called meanwhile.
  size_t depth() const;

 private:
  Elaborator& elaborator_;
  const LayerInstance& layer_;
  const ModelExtent begin_;
  const size_t deepest_before_;
  bool spoiled_ = false;
};

// The layer whose sub-layers stand for those that a replica does not have.
const LayerInstance& maker_of_sublayers(const LayerInstance& layer);

}  // namespace lathe
