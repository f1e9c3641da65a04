#pragma once
// The layers of a model as rows, for `check --summary`.

#include <vector>

#include "interpreter/elaborate.h"
#include "interpreter/layer_instance.h"

namespace lathe {

// The layer and all below it, in preorder.
std::vector<LayerRow> layer_table(const LayerInstance& root);

}  // namespace lathe
