#pragma once
// `init:` of weights and checkpoints: what fills a weight without a stored
// tensor.

#include "interpreter/elaborator.h"

namespace lathe {

// Reads `0`, `zeros`, `ones`, an expression, `normal`, `uniform`,
// `{normal: {mean: 0, std: 0.02}, seed: 1}` or `{uniform: {low, high}}`.
Initializer read_initializer(Elaborator& elaborator, const YamlNode& node,
                             const Scope& scope);

}  // namespace lathe
