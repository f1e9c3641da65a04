// Weights as integers of 4 or 8 bits in the layout of GPTQ, rounded to nearest:
// qweight holds the codes of neighbouring input features in a word, qzeros the
// zero points less one of neighbouring outputs (layers/gptq_linear.yaml reads
// them). Codes are made for the scale as it is stored, in float16.

#include <algorithm>
#include <cmath>

#include "runtime/quantize/weight_format.h"
#include "runtime/thread_pool.h"
#include "spec/diagnostic.h"
#include "spec/text.h"

namespace lathe {
namespace {

constexpr int kWordBits = 32;

// What the weights of one group are stored with.
struct GroupScale {
  float scale = 1;
  int zero = 0;
};

class GptqFormat : public WeightFormat {
 public:
  explicit GptqFormat(const FormatRequest& request) {
    for (const auto& [setting, value] : request.settings) {
      if (setting == "bits" && (value == "4" || value == "8")) {
        bits_ = value[0] - '0';
      } else if (setting == "group" && value == "-1") {
        group_size_ = -1;
      } else if (setting == "group") {
        group_size_ = setting_number(request, setting, value);
      } else if ((setting == "sym" || setting == "asym") && value.empty()) {
        sym_ = setting == "sym";
      } else {
        refuse_setting(
            request, setting + (value.empty() ? "" : "=" + value),
            "bits=4, bits=8, group=SIZE, group=-1, sym and asym");
      }
    }
  }

  std::vector<PlannedTensor> plan(const std::string& name, int64_t rows,
                                  int64_t columns) const override {
    for (const int64_t size : {rows, columns}) {
      if (size % per_word() == 0 && size > 0) continue;
      fail("L0530", {},
           cat({backquoted(name), " is [", rows, ", ", columns,
                "], and GPTQ packs ", per_word(), " codes of ", bits_,
                " bits in a word"}),
           cat({"`--except '", name, "'` leaves it as it is"}));
    }
    const std::string layer = layer_of(name);
    const int64_t groups = group_count(columns);
    return {{layer + ".qweight", DType::kInt32, {columns / per_word(), rows}},
            {layer + ".qzeros", DType::kInt32, {groups, rows / per_word()}},
            {layer + ".scales", DType::kFloat16, {groups, rows}},
            {layer + ".g_idx", DType::kInt32, {columns}}};
  }

  std::vector<Tensor> encode(const std::string& name,
                             const Tensor& weight) const override {
    std::vector<Tensor> out;
    const int64_t rows = weight.shape()[0], columns = weight.shape()[1];
    for (const PlannedTensor& tensor : plan(name, rows, columns)) {
      out.emplace_back(tensor.dtype, tensor.shape);
    }
    // Rows whose zero points share words stay together.
    parallel_ranges(rows / per_word(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin * per_word(); n < end * per_word(); ++n) {
        encode_row(name, weight, n, out);
      }
    });
    int32_t* g_idx = out[3].mutable_as<int32_t>();
    for (int64_t k = 0; k < columns; ++k) {
      g_idx[k] = static_cast<int32_t>(k / group_of(columns));
    }
    return out;
  }

  JsonValue config(const std::vector<std::string>& plain) const override {
    JsonValue out = JsonValue::object();
    out.add("quant_method", JsonValue::of(std::string("gptq")));
    out.add("bits", JsonValue::of(int64_t{bits_}));
    out.add("group_size", JsonValue::of(group_size_));
    out.add("desc_act", JsonValue::of(false));
    out.add("sym", JsonValue::of(sym_));
    out.add("lm_head", JsonValue::of(std::find(plain.begin(), plain.end(),
                                               "lm_head") == plain.end()));
    out.add("checkpoint_format", JsonValue::of(std::string("gptq")));
    JsonValue rules = JsonValue::object();
    for (const std::string& layer : plain) {
      if (layer == "lm_head") continue;
      std::string escaped;
      for (char c : layer) escaped += c == '.' ? "\\." : std::string(1, c);
      rules.add(cat({"-:^", escaped, "$"}), JsonValue::object());
    }
    if (!rules.members.empty()) out.add("dynamic", std::move(rules));
    return out;
  }

 private:
  int64_t per_word() const { return kWordBits / bits_; }
  int highest_code() const { return (1 << bits_) - 1; }
  int64_t group_of(int64_t columns) const {
    return group_size_ < 0 ? columns : group_size_;
  }
  int64_t group_count(int64_t columns) const {
    return (columns + group_of(columns) - 1) / group_of(columns);
  }

  GroupScale scale_of(const float* begin, const float* end) const {
    const auto [low, high] = std::minmax_element(begin, end);
    const float least = std::min(*low, 0.0f), most = std::max(*high, 0.0f);
    GroupScale out;
    const auto top = static_cast<float>(highest_code());
    if (sym_) {
      out.zero = (highest_code() + 1) / 2;
      out.scale = 2 * std::max(-least, most) / top;
    } else {
      out.scale = (most - least) / top;
      // Stored less one, so that 0 has no place.
      if (out.scale > 0) {
        out.zero = static_cast<int>(std::lround(-least / out.scale));
      }
      if (out.zero == 0) {
        out.zero = 1;
        out.scale = most / (top - 1);
      }
    }
    out.scale = float16_value(float16_bits(static_cast<double>(out.scale)));
    if (out.scale == 0) out.scale = 1;
    return out;
  }

  void encode_row(const std::string& name, const Tensor& weight, int64_t n,
                  std::vector<Tensor>& out) const {
    const int64_t rows = weight.shape()[0], columns = weight.shape()[1];
    std::vector<float> row(static_cast<size_t>(columns));
    read_finite(name, weight, n * columns, columns, row.data());
    auto* qweight = out[0].mutable_as<uint32_t>();
    auto* qzeros = out[1].mutable_as<uint32_t>();
    auto* scales = out[2].mutable_as<uint16_t>();
    const int64_t group = group_of(columns);
    for (int64_t g = 0; g * group < columns; ++g) {
      const int64_t last = std::min(columns, (g + 1) * group);
      const GroupScale s = scale_of(row.data() + g * group, row.data() + last);
      if (!std::isfinite(s.scale)) {
        fail("L0530", {},
             cat({backquoted(name),
                  " has values beyond what scales in "
                  "float16 reach"}));
      }
      scales[g * rows + n] = float16_bits(static_cast<double>(s.scale));
      qzeros[(g * rows + n) / per_word()] |=
          static_cast<uint32_t>(s.zero - 1) << (n % per_word() * bits_);
      for (int64_t k = g * group; k < last; ++k) {
        const float code = std::nearbyint(row[static_cast<size_t>(k)] /
                                          s.scale) +
                           static_cast<float>(s.zero);
        const auto stored = static_cast<uint32_t>(
            std::clamp(code, 0.0f, static_cast<float>(highest_code())));
        qweight[k / per_word() * rows + n] |= stored << (k % per_word() * bits_);
      }
    }
  }

  int bits_ = 4;
  int64_t group_size_ = 128;
  bool sym_ = true;
};

}  // namespace

std::unique_ptr<WeightFormat> make_gptq_format(const FormatRequest& request) {
  return std::make_unique<GptqFormat>(request);
}

}  // namespace lathe
