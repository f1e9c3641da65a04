// Weights as float8_e4m3fn codes and scales: scale = largest absolute value
// / 448, code = value / scale, rounded to nearest even and saturated by the
// dtype itself. A scale is 1 where all values are 0.

#include <algorithm>
#include <cmath>

#include "runtime/quantize/weight_format.h"
#include "runtime/thread_pool.h"
#include "spec/text.h"

namespace lathe {
namespace {

enum class Sharing { kTensor, kChannel, kBlock };

constexpr DType kCodes = DType::kFloat8E4M3FN;

JsonValue text(const char* value) { return JsonValue::of(std::string(value)); }

JsonValue names(const std::vector<std::string>& items) {
  JsonValue list = JsonValue::array();
  for (const std::string& item : items) list.items.push_back(JsonValue::of(item));
  return list;
}

class Float8Format : public WeightFormat {
 public:
  explicit Float8Format(const FormatRequest& request) {
    for (const auto& [setting, value] : request.settings) {
      if (setting == "tensor" && value.empty()) {
        sharing_ = Sharing::kTensor;
      } else if (setting == "channel" && value.empty()) {
        sharing_ = Sharing::kChannel;
      } else if (setting == "block") {
        sharing_ = Sharing::kBlock;
        if (!value.empty()) read_block(request, value);
      } else if (setting == "weight-only" && value.empty()) {
        weight_only_ = true;
      } else {
        refuse_setting(request, setting,
                       "tensor, channel, block=NxK and weight-only");
      }
    }
  }

  std::vector<PlannedTensor> plan(const std::string& name, int64_t rows,
                                  int64_t columns) const override {
    return {{name, kCodes, {rows, columns}},
            {layer_of(name) + (native() ? ".weight_scale_inv"
                                        : ".weight_scale"),
             DType::kFloat32, scale_shape(rows, columns)}};
  }

  std::vector<Tensor> encode(const std::string& name,
                             const Tensor& weight) const override {
    const int64_t rows = weight.shape()[0], columns = weight.shape()[1];
    Tensor codes(kCodes, {rows, columns});
    Tensor scales(DType::kFloat32, scale_shape(rows, columns));
    const int64_t high = std::min(block_rows(rows), std::max<int64_t>(rows, 1));
    const int64_t bands = (rows + high - 1) / high;
    // A tensor of one scale is one band, which is read in two passes.
    parallel_ranges(bands, 1, [&](int64_t begin, int64_t end) {
      for (int64_t band = begin; band < end; ++band) {
        encode_band(name, weight, band * high,
                    std::min(rows, (band + 1) * high), band, codes, scales);
      }
    });
    return {std::move(codes), std::move(scales)};
  }

  JsonValue config(const std::vector<std::string>& plain) const override {
    return native() ? native_config(plain) : groups_config(plain);
  }

 private:
  void read_block(const FormatRequest& request, const std::string& value) {
    const size_t x = value.find('x');
    block_[0] = setting_number(request, "block", value.substr(0, x));
    block_[1] = x == std::string::npos
                    ? block_[0]
                    : setting_number(request, "block", value.substr(x + 1));
  }

  // The dialect of DeepSeek has blocks, and always rounds activations.
  bool native() const { return sharing_ == Sharing::kBlock && !weight_only_; }

  int64_t block_rows(int64_t rows) const {
    if (sharing_ == Sharing::kBlock) return block_[0];
    return sharing_ == Sharing::kChannel ? 1 : std::max<int64_t>(rows, 1);
  }
  int64_t block_columns(int64_t columns) const {
    return sharing_ == Sharing::kBlock ? block_[1]
                                       : std::max<int64_t>(columns, 1);
  }

  std::vector<int64_t> scale_shape(int64_t rows, int64_t columns) const {
    if (sharing_ == Sharing::kTensor) return {1};
    const int64_t high = block_rows(rows), wide = block_columns(columns);
    return {(rows + high - 1) / high, (columns + wide - 1) / wide};
  }

  // Rows [first, last), which share their scales.
  void encode_band(const std::string& name, const Tensor& weight,
                   int64_t first, int64_t last, int64_t band, Tensor& codes,
                   Tensor& scales) const {
    const int64_t columns = weight.shape()[1];
    const int64_t wide = block_columns(columns);
    const int64_t blocks = (columns + wide - 1) / wide;
    std::vector<float> row(static_cast<size_t>(columns));
    std::vector<float> scale(static_cast<size_t>(blocks), 0);
    for (int64_t r = first; r < last; ++r) {
      read_finite(name, weight, r * columns, columns, row.data());
      for (int64_t c = 0; c < columns; ++c) {
        float& most = scale[static_cast<size_t>(c / wide)];
        most = std::max(most, std::fabs(row[static_cast<size_t>(c)]));
      }
    }
    const float top = static_cast<float>(highest_value(kCodes));
    for (float& s : scale) {
      s /= top;
      // Zeros, or values so small that the quotient is none.
      if (s == 0) s = 1;
    }
    std::copy(scale.begin(), scale.end(),
              scales.mutable_as<float>() + band * blocks);
    uint8_t* out = codes.mutable_as<uint8_t>();
    for (int64_t r = first; r < last; ++r) {
      read_finite(name, weight, r * columns, columns, row.data());
      for (int64_t c = 0; c < columns; ++c) {
        const float s = scale[static_cast<size_t>(c / wide)];
        out[r * columns + c] = float8_e4m3fn_bits(
            static_cast<double>(row[static_cast<size_t>(c)] / s));
      }
    }
  }

  JsonValue block_json() const {
    JsonValue list = JsonValue::array();
    for (int64_t size : block_) list.items.push_back(JsonValue::of(size));
    return list;
  }

  JsonValue native_config(const std::vector<std::string>& plain) const {
    JsonValue out = JsonValue::object();
    out.add("quant_method", text("fp8"));
    out.add("fmt", text("e4m3"));
    out.add("activation_scheme", text("dynamic"));
    out.add("weight_block_size", block_json());
    out.add("modules_to_not_convert", names(plain));
    return out;
  }

  JsonValue scheme(const char* strategy, bool dynamic) const {
    JsonValue out = JsonValue::object();
    out.add("num_bits", JsonValue::of(int64_t{8}));
    out.add("type", text("float"));
    out.add("symmetric", JsonValue::of(true));
    out.add("strategy", text(strategy));
    out.add("dynamic", JsonValue::of(dynamic));
    return out;
  }

  JsonValue groups_config(const std::vector<std::string>& plain) const {
    JsonValue weights = scheme(sharing_ == Sharing::kTensor    ? "tensor"
                               : sharing_ == Sharing::kChannel ? "channel"
                                                               : "block",
                               false);
    if (sharing_ == Sharing::kBlock) {
      weights.add("block_structure", block_json());
    }
    JsonValue group = JsonValue::object();
    group.add("targets", names({"Linear"}));
    group.add("weights", std::move(weights));
    group.add("input_activations",
              weight_only_ ? JsonValue() : scheme("token", true));
    JsonValue groups = JsonValue::object();
    groups.add("group_0", std::move(group));
    JsonValue out = JsonValue::object();
    out.add("quant_method", text("compressed-tensors"));
    out.add("format", text("float-quantized"));
    out.add("quantization_status", text("compressed"));
    out.add("config_groups", std::move(groups));
    out.add("ignore", names(plain));
    return out;
  }

  Sharing sharing_ = Sharing::kChannel;
  int64_t block_[2] = {128, 128};
  bool weight_only_ = false;
};

}  // namespace

std::unique_ptr<WeightFormat> make_float8_format(const FormatRequest& request) {
  return std::make_unique<Float8Format>(request);
}

}  // namespace lathe
