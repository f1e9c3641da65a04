#pragma once
// How `lathe quantize` stores the weight of a linear layer: which tensors take
// its place, what is in them, and what config.json says about it. One class
// per family of formats; weight_format.cpp lists them.

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/json.h"
#include "runtime/safetensors_writer.h"

namespace lathe {

// What a format was asked for: "gptq:bits=8,asym" is `gptq` with two settings.
struct FormatRequest {
  std::string text;  // as the user wrote it
  std::string name;
  std::vector<std::pair<std::string, std::string>> settings;  // value or ""
};

// The text names no format, or a setting that the format lacks.
class FormatError : public std::runtime_error {
 public:
  FormatError(const std::string& message, std::string help)
      : std::runtime_error(message), help_(std::move(help)) {}
  // What to write instead; may be empty.
  const std::string& help() const { return help_; }

 private:
  std::string help_;
};

// What kind of file holds such weights.
enum class Container { kSafetensors, kGguf };

class WeightFormat {
 public:
  virtual ~WeightFormat() = default;

  virtual Container container() const { return Container::kSafetensors; }

  // The tensors in place of the weight `name`, which ends in ".weight" and is
  // [rows, columns]. Throws SpecError L0530 for sizes it cannot store.
  virtual std::vector<PlannedTensor> plan(const std::string& name,
                                          int64_t rows,
                                          int64_t columns) const = 0;

  // Their contents, in the order of plan(); of block types the bytes,
  // uint8[rows, bytes of a row]. Throws SpecError L0530 for a
  // weight that holds infinities or NaN.
  virtual std::vector<Tensor> encode(const std::string& name,
                                     const Tensor& weight) const = 0;

  // `quantization_config` for a checkpoint in which the layers `plain` keep
  // their weights; null where files say it themselves.
  virtual JsonValue config(const std::vector<std::string>& plain) const = 0;
};

// Names of formats, as texts begin with them.
std::vector<std::string> weight_format_names();

// The format that `text` asks for. Throws FormatError.
std::unique_ptr<WeightFormat> make_weight_format(const std::string& text);

// Makers, a family each. Throw FormatError for a setting they lack.
std::unique_ptr<WeightFormat> make_float8_format(const FormatRequest& request);
std::unique_ptr<WeightFormat> make_gptq_format(const FormatRequest& request);
// Null if the name is no block type.
std::unique_ptr<WeightFormat> make_block_format(const FormatRequest& request);

// Refuses a setting: `known` says what there is.
[[noreturn]] void refuse_setting(const FormatRequest& request,
                                 const std::string& setting,
                                 const std::string& known);

// A positive integer, or a refusal.
int64_t setting_number(const FormatRequest& request, const std::string& setting,
                       const std::string& value);

// The weight's name without ".weight".
std::string layer_of(const std::string& name);

// `count` elements of the tensor from `begin` on, as float32. Throws SpecError
// L0530 naming the weight if one is not finite.
void read_finite(const std::string& name, const Tensor& weight, int64_t begin,
                 int64_t count, float* out);

}  // namespace lathe
