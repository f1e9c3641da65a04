#pragma once
// What a run gives back: files that the user asked for with -o, and a summary.
//
//   out.safetensors  out.json   all outputs
//   out.npy                     the only output
//   y=y.npy                     one output; any of the three formats

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/json.h"
#include "runtime/named_tensor.h"

namespace lathe {

// A checked -o: the outputs that go to `path`.
struct OutputFile {
  std::string path;
  std::vector<std::string> names;
};

// Reads -o arguments before anything runs. Throws SpecError L0518 for outputs
// that do not exist, formats that are unknown and files that are named twice.
std::vector<OutputFile> plan_outputs(const std::vector<std::string>& arguments,
                                     const std::vector<std::string>& outputs);

// Writes the files. Requires: the outputs that the plan was made for.
void write_outputs(const std::vector<OutputFile>& plan,
                   const std::vector<NamedTensor>& outputs);

// Numbers that tell whether a result makes sense.
struct TensorSummary {
  int64_t nans = 0;
  int64_t infinities = 0;
  // Of the finite values; 0 if there are none.
  double lowest = 0, highest = 0, mean = 0;
};
TensorSummary summarize(const Tensor& tensor);

// "float32[2, 4096]  min -3.1  max 2.9  mean 0.001" and a line of values.
std::string summary_text(const NamedTensor& output);
JsonValue summary_json(const NamedTensor& output);

}  // namespace lathe
