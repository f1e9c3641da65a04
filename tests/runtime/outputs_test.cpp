#include "runtime/outputs.h"

#include <doctest/doctest.h>

#include <cmath>

#include "runtime/npy.h"
#include "runtime/safetensors.h"
#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// "path: names" of each file, or the message.
std::string plan_of(const std::vector<std::string>& arguments,
                    const std::vector<std::string>& outputs) {
  std::string out;
  std::string error = error_of([&] {
    for (const OutputFile& file : plan_outputs(arguments, outputs)) {
      out += file.path + ": " + join(file.names, " ") + "\n";
    }
  });
  return error == "no error" ? out : error;
}

}  // namespace

TEST_CASE("outputs: a file takes all outputs or a named one") {
  CHECK_EQ(plan_of({"o.safetensors", "y=a=b.npy", "o.json"}, {"y", "z"}),
           "o.safetensors: y z\na=b.npy: y\no.json: y z\n");
  CHECK_EQ(plan_of({"o.npy"}, {"y"}), "o.npy: y\n");
}

TEST_CASE("outputs: what cannot be written is said before the run") {
  CHECK_EQ(plan_of({"o.npy", "logit=o.json", "o.txt"}, {"logits", "z"}),
           "error[L0518]: an npy file holds one array, the model has 2 "
           "outputs\n   = help: `-o logits=o.npy`\n\n"
           "error[L0518]: the model has no output `logit`\n"
           "   = help: did you mean `logits`?\n\n"
           "error[L0518]: cannot tell the format of `o.txt`\n"
           "   = help: name a .safetensors, .npy or .json file\n");
  CHECK_EQ(plan_of({"o.json", "y=o.json"}, {"y"}),
           "error[L0518]: `o.json` is named twice with -o\n");
}

TEST_CASE("outputs: files hold what they are asked for") {
  TempFolder folder;
  std::vector<NamedTensor> outputs = {{"y", Tensor(DType::kFloat32, {2})},
                                      {"z", Tensor(DType::kBFloat16, {1})}};
  outputs[0].tensor.set(1, 3);
  write_outputs(
      plan_outputs({folder.file("o.safetensors"), "z=" + folder.file("z.npy"),
                    "y=" + folder.file("y.json")},
                   {"y", "z"}),
      outputs);
  SafetensorsFile all(folder.file("o.safetensors"));
  CHECK_EQ(to_string(all.read(*all.find("y"))), "float32[2] [0, 3]");
  CHECK_EQ(to_string(all.read(*all.find("z"))), "bfloat16[1] [0]");
  CHECK_EQ(to_string(read_npy(folder.file("z.npy"))), "float32[1] [0]");
  CHECK_EQ(folder.read("y.json"), "{\n  \"y\": [0.0, 3.0]\n}\n");
}

TEST_CASE("outputs: a summary shows range, mean and NaN") {
  Tensor y(DType::kFloat32, {2, 2});
  y.set(0, 1);
  y.set(1, 4);
  CHECK_EQ(summary_text({"y", y}),
           "y: float32[2, 2]  min 0  max 4  mean 1.25\n  [[1, 4], [0, 0]]\n");
  y.set(2, NAN);
  y.set(3, -INFINITY);
  CHECK_EQ(summary_text({"y", y}),
           "y: float32[2, 2]  min 1  max 4  mean 2.5  NaN 1  infinite 1\n"
           "  [[1, 4], [nan, -inf]]\n");
  CHECK_EQ(summary_text({"n", Tensor(DType::kInt64, {})}), "n: int64[]\n  0\n");
}

}  // namespace lathe
