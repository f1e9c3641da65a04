#pragma once
// A part of a model, appended again for another layer: the same nodes and
// weights under other paths. What the part reads of the rest stays, but for
// the layer's own weights and arguments.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interpreter/elaborate.h"
#include "interpreter/layer_instance.h"

namespace lathe {

ModelExtent extent_of(const Model& model);

// True for the path of the layer `top` and for those of what is in it.
bool path_is_below(std::string_view path, std::string_view top);

// The path of something in the layer at `from`, were that layer at `to`.
// Requires: path_is_below(path, from).
std::string path_below(std::string_view path, std::string_view from,
                       std::string_view to);

class PartCopier {
 public:
  // Between two layers that were built alike.
  PartCopier(Model& model, const LayerInstance& from, const LayerInstance& to);

  // In the copy, `to` stands for the argument `from`. False if another value
  // stands for it already.
  bool put(ValueId from, ValueId to);

  // Calls visit(path) for each weight that append() would add.
  void for_each_path(const ModelExtent& begin, const ModelExtent& end,
                     const std::function<void(std::string)>& visit) const;

  // Appends what stands between the two. Nodes at `old_place` are at
  // `new_place` in the copy.
  void append(const ModelExtent& begin, const ModelExtent& end,
              const SourceSpan& old_place, const SourceSpan& new_place);

  // The value that stands for `id` in the copy.
  ValueId moved(ValueId id) const;
  // The same for the tensors in a datum.
  Datum moved(const Datum& datum) const;

  // True if moved() knows what stands for `id`: it is an argument, belongs to
  // the part or to the building of the layer, or to no layer in it.
  bool knows(ValueId id, const ModelExtent& begin,
             const ModelExtent& end) const;

 private:
  std::string moved_path(std::string_view path) const;

  Model& model_;
  const LayerInstance& from_;
  const LayerInstance& to_;
  std::vector<std::pair<ValueId, ValueId>> arguments_;
  size_t first_ = 0, end_ = 0;  // values of the part
  size_t shift_ = 0;            // from those to their copies
};

}  // namespace lathe
