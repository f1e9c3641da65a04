// Weights in the block types of GGUF. A row that is no whole number of blocks
// of 256 values has the nearest type of blocks of 32, as other programs do.

#include <cmath>

#include "runtime/quantize/block_encode.h"
#include "runtime/quantize/weight_format.h"
#include "runtime/thread_pool.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

// What takes the place of a type where rows are no whole blocks.
struct Narrower {
  DType type, instead;
};
constexpr Narrower kNarrower[] = {
    {DType::kQ2_K, DType::kQ4_0}, {DType::kQ3_K, DType::kQ4_0},
    {DType::kQ4_K, DType::kQ5_0}, {DType::kQ5_K, DType::kQ5_1},
    {DType::kQ6_K, DType::kQ8_0},
};

class BlockFormat : public WeightFormat {
 public:
  explicit BlockFormat(DType dtype) : dtype_(dtype) {}

  Container container() const override { return Container::kGguf; }

  std::vector<PlannedTensor> plan(const std::string& name, int64_t rows,
                                  int64_t columns) const override {
    return {{name, type_for(name, columns), {rows, columns}}};
  }

  std::vector<Tensor> encode(const std::string& name,
                             const Tensor& weight) const override {
    const int64_t rows = weight.shape()[0], columns = weight.shape()[1];
    const DType dtype = type_for(name, columns);
    const int64_t bytes = bytes_of(dtype, columns);
    Tensor out(DType::kUInt8, {rows, bytes});
    std::byte* data = out.mutable_data();
    parallel_ranges(rows, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> row(static_cast<size_t>(columns));
      for (int64_t r = begin; r < end; ++r) {
        read_finite(name, weight, r * columns, columns, row.data());
        check_range(name, row);
        encode_blocks(dtype, row.data(), columns, data + r * bytes);
      }
    });
    return {std::move(out)};
  }

  JsonValue config(const std::vector<std::string>&) const override {
    return {};
  }

 private:
  // Scales and least values are stored in float16.
  static void check_range(const std::string& name,
                          const std::vector<float>& row) {
    const auto most = static_cast<float>(highest_value(DType::kFloat16));
    for (float value : row) {
      if (std::fabs(value) <= most) continue;
      fail("L0530", {},
           cat({backquoted(name),
                " has values beyond what scales in "
                "float16 reach"}),
           cat({"`--except '", name, "'` leaves it as it is"}));
    }
  }

  DType type_for(const std::string& name, int64_t columns) const {
    if (columns % info(dtype_).values_per_block == 0) return dtype_;
    for (const Narrower& row : kNarrower) {
      if (row.type != dtype_) continue;
      if (columns % info(row.instead).values_per_block == 0) {
        return row.instead;
      }
    }
    fail("L0530", {},
         cat({backquoted(name), " has rows of ", columns,
              " values, which are no whole blocks of 32"}),
         cat({"`--except '", name, "'` leaves it as it is"}));
  }

  DType dtype_;
};

}  // namespace

std::unique_ptr<WeightFormat> make_block_format(const FormatRequest& request) {
  const std::optional<DType> dtype = parse_dtype(request.name);
  if (!dtype || !is_block(*dtype)) return nullptr;
  if (!request.settings.empty()) {
    refuse_setting(request, request.settings[0].first, "none");
  }
  return std::make_unique<BlockFormat>(*dtype);
}

}  // namespace lathe
