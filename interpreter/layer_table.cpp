#include "interpreter/layer_table.h"

#include "spec/dim.h"

namespace lathe {
namespace {

// Adds the layer's rows and returns the index of its own.
size_t add_rows(const LayerInstance& layer, int depth,
                std::vector<LayerRow>& rows) {
  const size_t own = rows.size();
  rows.push_back({layer.path, layer.type->name, depth, layer.outputs, 0, 0,
                  layer.span});
  for (const auto& [name, slot] : layer.weights) {
    if (slot.value < 0) continue;
    const int64_t count = numel(slot.type.shape).value();
    rows[own].params += count;
    rows[own].bytes += bytes_of(slot.type.dtype, count);
  }
  for (const LayerInstance* child : layer.children) {
    const size_t at = add_rows(*child, depth + 1, rows);
    rows[own].params += rows[at].params;
    rows[own].bytes += rows[at].bytes;
  }
  return own;
}

}  // namespace

std::vector<LayerRow> layer_table(const LayerInstance& root) {
  std::vector<LayerRow> rows;
  add_rows(root, 0, rows);
  return rows;
}

}  // namespace lathe
