#include "runtime/outputs.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "runtime/json_tensor.h"
#include "runtime/npy.h"
#include "runtime/safetensors.h"
#include "spec/diagnostic.h"
#include "spec/suggest.h"

namespace lathe {
namespace {

constexpr int kShownValues = 8;

std::string extension_of(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(dot);
}

bool is_known_format(const std::string& path) {
  const std::string extension = extension_of(path);
  return extension == ".safetensors" || extension == ".npy" ||
         extension == ".json";
}

// `name=path` if the text before `=` could be an output's name; a path may
// contain `=` too.
OutputFile read_argument(const std::string& argument,
                         const std::vector<std::string>& outputs) {
  const size_t equals = argument.find('=');
  if (equals == std::string::npos ||
      !is_identifier(argument.substr(0, equals))) {
    return {argument, outputs};
  }
  return {argument.substr(equals + 1), {argument.substr(0, equals)}};
}

void check(const OutputFile& file, const std::vector<std::string>& outputs,
           Diagnostics& diagnostics) {
  if (!is_known_format(file.path)) {
    diagnostics.error(
        "L0518", {}, cat({"cannot tell the format of ", backquoted(file.path)}),
        "name a .safetensors, .npy or .json file");
  } else if (extension_of(file.path) == ".npy" && file.names.size() != 1) {
    diagnostics.error("L0518", {},
                      cat({"an npy file holds one array, the model has ",
                           file.names.size(), " outputs"}),
                      cat({"`-o ", outputs.empty() ? "y" : outputs.front(), "=",
                           file.path, "`"}));
  }
  for (const std::string& name : file.names) {
    if (std::count(outputs.begin(), outputs.end(), name) > 0) continue;
    std::string help = did_you_mean(name, outputs);
    if (help.empty()) help = cat({"its outputs are ", join(outputs, ", ")});
    diagnostics.error(
        "L0518", {}, cat({"the model has no output ", backquoted(name)}), help);
  }
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

}  // namespace

std::vector<OutputFile> plan_outputs(const std::vector<std::string>& arguments,
                                     const std::vector<std::string>& outputs) {
  Diagnostics diagnostics;
  std::vector<OutputFile> out;
  std::set<std::string> paths;
  for (const std::string& argument : arguments) {
    out.push_back(read_argument(argument, outputs));
    check(out.back(), outputs, diagnostics);
    if (paths.insert(out.back().path).second) continue;
    diagnostics.error(
        "L0518", {},
        cat({backquoted(out.back().path), " is named twice with -o"}));
  }
  diagnostics.throw_if_errors();
  return out;
}

void write_outputs(const std::vector<OutputFile>& plan,
                   const std::vector<NamedTensor>& outputs) {
  for (const OutputFile& file : plan) {
    std::vector<NamedTensor> chosen;
    for (const NamedTensor& output : outputs) {
      if (std::count(file.names.begin(), file.names.end(), output.name) > 0) {
        chosen.push_back(output);
      }
    }
    const std::string extension = extension_of(file.path);
    if (extension == ".npy") {
      write_npy(file.path, chosen.front().tensor);
    } else if (extension == ".json") {
      write_json_tensors(file.path, chosen);
    } else {
      write_safetensors(file.path, chosen);
    }
  }
}

TensorSummary summarize(const Tensor& tensor) {
  TensorSummary out;
  int64_t finite = 0;
  double sum = 0;
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    const double value = tensor.at(i);
    if (std::isnan(value)) {
      ++out.nans;
    } else if (std::isinf(value)) {
      ++out.infinities;
    } else {
      out.lowest = finite == 0 ? value : std::min(out.lowest, value);
      out.highest = finite == 0 ? value : std::max(out.highest, value);
      sum += value;
      ++finite;
    }
  }
  if (finite > 0) out.mean = sum / static_cast<double>(finite);
  return out;
}

std::string summary_text(const NamedTensor& output) {
  const Tensor& tensor = output.tensor;
  std::string values = to_string(tensor, kShownValues);
  // "float32[2, 3] [[...": the type ends at the first bracket's end.
  const size_t bracket = values.find(']');
  std::string out = cat({output.name, ": ", values.substr(0, bracket + 1)});
  if (tensor.numel() > 1) {
    TensorSummary s = summarize(tensor);
    out += cat({"  min ", number_text(s.lowest), "  max ",
                number_text(s.highest), "  mean ", number_text(s.mean)});
    if (s.nans > 0) out += cat({"  NaN ", s.nans});
    if (s.infinities > 0) out += cat({"  infinite ", s.infinities});
  }
  return out + "\n " + values.substr(bracket + 1) + "\n";
}

JsonValue summary_json(const NamedTensor& output) {
  const Tensor& tensor = output.tensor;
  TensorSummary s = summarize(tensor);
  JsonValue out = JsonValue::object();
  out.add("name", JsonValue::of(output.name));
  out.add("dtype", JsonValue::of(std::string(to_string(tensor.dtype()))));
  JsonValue shape = JsonValue::array();
  for (int64_t dim : tensor.shape()) shape.items.push_back(JsonValue::of(dim));
  out.add("shape", std::move(shape));
  out.add("min", JsonValue::of(s.lowest));
  out.add("max", JsonValue::of(s.highest));
  out.add("mean", JsonValue::of(s.mean));
  out.add("nan", JsonValue::of(s.nans));
  out.add("infinite", JsonValue::of(s.infinities));
  return out;
}

}  // namespace lathe
