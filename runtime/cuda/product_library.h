#pragma once
// A library that computes matrix products in a stream. Behind it is cuBLASLt
// where its header was there to build with; knows none of its types.

#include <memory>
#include <span>
#include <string>

#include "codegen/library_product.h"
#include "runtime/cuda/handles.h"

namespace lathe::cuda {

// How one product is computed; made once for each shape.
class ProductPlan {
 public:
  virtual ~ProductPlan() = default;

  // Puts the product into the stream, which may be captured for a graph: all
  // memory is the caller's. `buffers` as LibraryProduct has them. Throws
  // DeviceError, which names `place`.
  virtual void run(std::span<const uint64_t> buffers, const Stream& stream,
                   const std::string& place) const = 0;
};

class ProductLibrary {
 public:
  virtual ~ProductLibrary() = default;

  // The plan, which lives as long as the library. Null if it does not compute
  // such a product, and `reason` says why. Throws DeviceError when it fails.
  virtual const ProductPlan* plan(const BoundProduct& product,
                                  std::string& reason) = 0;
};

// Null if there is none that fits, and `reason` says why. Throws DeviceError
// when it is there and does not start.
std::unique_ptr<ProductLibrary> open_product_library(const Options& options,
                                                     const ContextRef& context,
                                                     std::string& reason);

}  // namespace lathe::cuda
