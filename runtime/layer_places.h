#pragma once
// Errors of a run with the line that declares the layer they come from. Kernels
// and the reference know a layer by its path alone.

#include <vector>

#include "interpreter/elaborate.h"
#include "spec/diagnostic.h"

namespace lathe {

// The error; its lines "in: PATH" end in the place of that layer.
SpecError with_layer_places(const SpecError& error,
                            const std::vector<LayerRow>& rows);

// Runs `body`; a SpecError comes out with places.
template <typename Body>
auto place_errors(const Model& model, Body body) {
  try {
    return body();
  } catch (const SpecError& error) {
    throw with_layer_places(error, model.layers);
  }
}

}  // namespace lathe
