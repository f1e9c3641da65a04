#include "runtime/cuda/tensor_maps.h"

#include "spec/check.h"

namespace lathe::cuda {
namespace {

CUtensorMapDataType map_type(DType dtype) {
  if (dtype == DType::kBFloat16) return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  if (dtype == DType::kFloat16) return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
  LATHE_CHECK(size_of(dtype) == 1, "no tensor map of ", to_string(dtype));
  return CU_TENSOR_MAP_DATA_TYPE_UINT8;
}

}  // namespace

CUtensorMap tensor_map(const Driver& driver, const TensorView& view,
                       std::span<const int64_t> dims, CUdeviceptr address,
                       const std::string& place) {
  CUtensorMap map = {};
  const BoundView bound = bind_view(view, dims);
  if (bound.is_empty()) return map;
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(bound.depth),
                              static_cast<cuuint64_t>(bound.lines)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(bound.stride)};
  const cuuint32_t tile[] = {static_cast<cuuint32_t>(view.tile_depth),
                             static_cast<cuuint32_t>(view.tile_lines)};
  const cuuint32_t every[] = {1, 1};
  const auto first = static_cast<CUdeviceptr>(view.first * size_of(view.dtype));
  driver.check(
      driver.cuTensorMapEncodeTiled(
          &map, map_type(view.dtype), 2,
          reinterpret_cast<void*>(address + first), sizes, strides, tile, every,
          CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
          CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
          CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
      "cuTensorMapEncodeTiled", place);
  return map;
}

}  // namespace lathe::cuda
