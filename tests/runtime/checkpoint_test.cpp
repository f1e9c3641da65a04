#include "runtime/checkpoint.h"

#include <doctest/doctest.h>

#include "runtime/model_weights.h"
#include "runtime/safetensors.h"
#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

void store(const TempFolder& folder, const std::string& file,
           const std::vector<std::string>& names) {
  std::vector<NamedTensor> tensors;
  for (const std::string& name : names) {
    Tensor tensor(DType::kFloat32, {2});
    tensor.set(0, static_cast<double>(name.size()));
    tensors.push_back({name, tensor});
  }
  write_safetensors(folder.file(file), tensors);
}

// The names that a checkpoint holds, or the message without the folder.
std::string names_of(const TempFolder& folder, const std::string& name) {
  std::string out;
  std::string error = error_of([&] {
    auto checkpoint = Checkpoint::open(folder.file(name));
    for (const Checkpoint::Entry& entry : checkpoint->entries()) {
      out += entry.tensor->name + " ";
    }
  });
  if (error == "no error") return out;
  const std::string root = folder.path().string() + "/";
  for (size_t at; (at = error.find(root)) != std::string::npos;) {
    error.erase(at, root.size());
  }
  return error;
}

std::string index_of(const std::string& map) {
  return "{\"weight_map\": {" + map + "}}";
}

}  // namespace

TEST_CASE("checkpoint: a file and a folder with one file") {
  TempFolder folder;
  folder.write("f/config.json", "{}");
  store(folder, "f/model.safetensors", {"b", "a"});
  CHECK_EQ(names_of(folder, "f/model.safetensors"), "a b ");
  CHECK_EQ(names_of(folder, "f"), "a b ");
  // Other files beside model.safetensors are not weights.
  store(folder, "f/reference.safetensors", {"c"});
  CHECK_EQ(names_of(folder, "f"), "a b ");
}

TEST_CASE("checkpoint: an index names its shards") {
  TempFolder folder;
  const std::string index = "f/model.safetensors.index.json";
  folder.write(index,
               index_of(R"("a": "1.safetensors", "b": "2.safetensors")"));
  store(folder, "f/1.safetensors", {"a"});
  store(folder, "f/2.safetensors", {"b"});
  CHECK_EQ(names_of(folder, "f"), "a b ");
  CHECK_EQ(names_of(folder, index), "a b ");
  store(folder, "f/2.safetensors", {"c"});
  CHECK_EQ(names_of(folder, "f"),
           "error[L0519]: `f/model.safetensors.index.json` is not a "
           "checkpoint: it promises `b` in `2.safetensors`, which does not "
           "hold it\n");
  store(folder, "f/2.safetensors", {"b", "a"});
  CHECK_EQ(names_of(folder, "f"),
           "error[L0519]: `f` is not a checkpoint: both `f/1.safetensors` and "
           "`f/2.safetensors` hold `a`\n");
}

TEST_CASE("checkpoint: an index stays in its folder") {
  TempFolder folder;
  folder.write("i.json", index_of(R"("a": "../x.safetensors")"));
  CHECK_EQ(names_of(folder, "i.json"),
           "error[L0519]: the file of `a` is not the name of a file beside the "
           "index\n"
           "  --> i.json:1:22\n"
           "   |\n"
           " 1 | {\"weight_map\": {\"a\": \"../x.safetensors\"}}\n"
           "   |                      ^^^^^^^^^^^^^^^^^^ here\n");
  folder.write("i.json", "{}");
  CHECK_EQ(names_of(folder, "i.json"),
           "error[L0519]: `i.json` is not a checkpoint: it has no object "
           "`weight_map`\n");
}

TEST_CASE("checkpoint: an index that is wrong says what and where") {
  TempFolder folder;
  store(folder, "1.safetensors", {"a"});
  const auto found = [&](const std::string& text) {
    folder.write("i.json", text);
    return names_of(folder, "i.json");
  };
  CHECK_EQ(found(index_of(R"("a": "1.safetensors", "b": "2.safetensors")")),
           "error[L0511]: cannot read `2.safetensors`: No such file or "
           "directory\n"
           "   = the index `i.json` names it\n");
  CHECK_EQ(found(R"({"weight_map": {"a": "1.safetensors",}})"),
           R"(error[L0514]: not JSON: unexpected '}'; expected string literal)" "\n"
           R"(  --> i.json:1:38)" "\n"
           R"(   |)" "\n"
           R"( 1 | {"weight_map": {"a": "1.safetensors",}})" "\n"
           R"(   |                                      ^ here)" "\n");
  CHECK_EQ(found(R"({"weight_map": {"a": "1.safetensors")"),
           R"(error[L0514]: not JSON: unexpected end of input; expected '}')" "\n"
           R"(  --> i.json:1:37)" "\n"
           R"(   |)" "\n"
           R"( 1 | {"weight_map": {"a": "1.safetensors")" "\n"
           R"(   |                                     ^ here)" "\n");
  CHECK_EQ(found(R"({"weight_map": ["1.safetensors"]})"),
           R"(error[L0519]: `weight_map` is an object that gives each tensor's file, and this is a list)" "\n"
           R"(  --> i.json:1:16)" "\n"
           R"(   |)" "\n"
           R"( 1 | {"weight_map": ["1.safetensors"]})" "\n"
           R"(   |                ^^^^^^^^^^^^^^^^^ here)" "\n");
  CHECK_EQ(found(R"(["1.safetensors"])"),
           R"(error[L0519]: `i.json` is not a checkpoint: it has no object `weight_map`)" "\n");
  CHECK_EQ(found(index_of(R"("a": 1)")),
           R"(error[L0519]: the file of `a` is not the name of a file beside the index)" "\n"
           R"(  --> i.json:1:22)" "\n"
           R"(   |)" "\n"
           R"( 1 | {"weight_map": {"a": 1}})" "\n"
           R"(   |                      ^ here)" "\n");
  CHECK_EQ(found(index_of(R"("a": "1.safetensors", "a": "1.safetensors")")),
           R"(error[L0514]: not JSON: duplicate name `a`)" "\n"
           R"(  --> i.json:1:39)" "\n"
           R"(   |)" "\n"
           R"( 1 | {"weight_map": {"a": "1.safetensors", "a": "1.safetensors"}})" "\n"
           R"(   |                                       ^ here)" "\n");
}

TEST_CASE("checkpoint: what is none is said") {
  TempFolder folder;
  CHECK_EQ(names_of(folder, "no"),
           "error[L0511]: cannot read `no`: No such file or directory\n");
  CHECK_EQ(names_of(folder, "pytorch_model.bin"),
           "error[L0519]: `pytorch_model.bin` is not a checkpoint: a pickled "
           "file can run code when it is read\n"
           "   = help: store it again with `safetensors.torch.save_file`\n");
  folder.write("f/README", "");
  CHECK_EQ(names_of(folder, "f"),
           "error[L0519]: `f` is not a checkpoint: there is no .safetensors "
           "file in it\n");
  store(folder, "f/a.safetensors", {"a"});
  store(folder, "f/b.safetensors", {"b"});
  CHECK_EQ(names_of(folder, "f"),
           "error[L0519]: `f` is not a checkpoint: it holds 2 .safetensors "
           "files and no index\n"
           "   = help: name one: `--weights f/a.safetensors`\n");
}

TEST_CASE("checkpoint: initial values depend on seed and path") {
  Initializer normal{Initializer::Kind::kNormal, 1, 0.5, 3};
  Tensor a = initial_tensor(normal, "a", DType::kFloat32, {200000});
  CHECK_EQ(
      to_string(a, 4),
      to_string(initial_tensor(normal, "a", DType::kFloat32, {200000}), 4));
  CHECK_NE(a.at(0), initial_tensor(normal, "b", DType::kFloat32, {1}).at(0));
  CHECK_EQ(a.at(199999),
           initial_tensor(normal, "a", DType::kFloat32, {200001}).at(199999));
  Initializer uniform{Initializer::Kind::kUniform, 2, 3, 0};
  const double u = initial_tensor(uniform, "a", DType::kFloat64, {1}).at(0);
  CHECK(u >= 2);
  CHECK(u < 3);
  Initializer one{Initializer::Kind::kConstant, 1, 0, 0};
  CHECK_EQ(to_string(initial_tensor(one, "a", DType::kBFloat16, {2})),
           "bfloat16[2] [1, 1]");
}

TEST_CASE("weights: made-up ones are encoded in declared blocks") {
  Model model;
  const ValueId id =
      model.graph.add_weight("w", {DType::kUInt8, {Dim(300), Dim(34)}}, {});
  WeightFill fill;
  fill.value = id;
  fill.path = "w";
  fill.init = {Initializer::Kind::kConstant, 0.5, 0, 0};
  fill.dtype = DType::kQ8_0;
  model.weights = {fill};
  const Tensor bytes = ModelWeights(weight_recipes(model), nullptr).tensor("w");
  CHECK_EQ(bytes.shape(), std::vector<int64_t>{300, 34});
  // The largest code, 127, and the scale 0.5 / 127 before it.
  for (int64_t row : {0, 299}) {
    CHECK_EQ(bytes.int_at(row * 34 + 2), 127);
    CHECK_EQ(bytes.int_at(row * 34 + 33), 127);
    const auto scale = static_cast<uint16_t>(bytes.int_at(row * 34) |
                                             bytes.int_at(row * 34 + 1) << 8);
    CHECK_EQ(float16_value(scale) * 127, doctest::Approx(0.5).epsilon(1e-3));
  }
}

}  // namespace lathe
