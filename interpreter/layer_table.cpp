#include "interpreter/layer_table.h"

#include "interpreter/copy_layer.h"
#include "interpreter/model_part.h"
#include "spec/dim.h"

namespace lathe {
namespace {

// Adds the rows of a layer and what is in it, which stands at `path`, and
// returns the index of its own. `called`: its outputs are its own.
size_t add_rows(const LayerInstance& layer, const std::string& path,
                int depth, bool called, std::vector<LayerRow>& rows) {
  const size_t own = rows.size();
  rows.push_back({path, layer.type->name, depth, {}, 0, 0, layer.span});
  if (called) rows[own].outputs = layer.outputs;
  const LayerInstance& maker = maker_of_sublayers(layer);
  for (const auto& [name, slot] : maker.weights) {
    if (slot.value < 0) continue;
    const int64_t count = numel(slot.type.shape).value();
    rows[own].params += count;
    rows[own].bytes += bytes_of(slot.type.dtype, count);
  }
  called = called && (!layer.replica || layer.replayed);
  for (const LayerInstance* child : maker.children) {
    const std::string below = path_below(child->path, maker.path, path);
    const size_t at = add_rows(*child, below, depth + 1, called, rows);
    rows[own].params += rows[at].params;
    rows[own].bytes += rows[at].bytes;
  }
  return own;
}

}  // namespace

std::vector<LayerRow> layer_table(const LayerInstance& root) {
  std::vector<LayerRow> rows;
  add_rows(root, root.path, 0, true, rows);
  return rows;
}

}  // namespace lathe
