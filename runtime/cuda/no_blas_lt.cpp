// Products where the build had no header of cuBLASLt.
#include "runtime/cuda/product_library.h"

namespace lathe::cuda {

std::unique_ptr<ProductLibrary> open_product_library(const Options&,
                                                     const ContextRef&,
                                                     std::string& reason) {
  reason = "this lathe was built without cublasLt.h";
  return nullptr;
}

}  // namespace lathe::cuda
