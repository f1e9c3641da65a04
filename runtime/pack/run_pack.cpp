// What a pack needs of the place it runs at: its weights and its machine.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "runtime/instruction_sets.h"
#include "runtime/pack/pack.h"
#include "spec/check.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string type_text(DType dtype, const std::vector<int64_t>& shape) {
  return cat({to_string(dtype), to_string(Shape(shape.begin(), shape.end()))});
}

// The shape that a file gives: blocks count as values there, as bytes here.
std::vector<int64_t> stored_shape(const WeightRecipe& weight) {
  std::vector<int64_t> shape = weight.shape;
  if (!is_block(weight.stored_dtype)) return shape;
  const DTypeInfo& row = info(weight.stored_dtype);
  shape.back() = shape.back() / row.bytes_per_block * row.values_per_block;
  return shape;
}

void check_tensor(const Pack& pack, const WeightRecipe& weight,
                  const Checkpoint& checkpoint) {
  const FileTensor* found = checkpoint.find(weight.stored).tensor;
  if (found == nullptr) {
    fail("L0531", {},
         cat({"the pack ", backquoted(pack.folder), " wants the tensor ",
              backquoted(weight.stored), ", which ",
              backquoted(checkpoint.path()), " does not hold"}),
         "`--weights PATH` names the weights that it was compiled for");
  }
  const std::vector<int64_t> shape = stored_shape(weight);
  if (found->dtype == weight.stored_dtype && found->shape == shape) return;
  fail("L0531", {},
       cat({"the pack ", backquoted(pack.folder), " was compiled for ",
            backquoted(weight.stored), " of ",
            type_text(weight.stored_dtype, shape), ", and ",
            backquoted(checkpoint.path()), " holds ",
            found->dtype ? std::string(to_string(*found->dtype))
                         : found->type_code,
            to_string(Shape(found->shape.begin(), found->shape.end()))}),
       "compile the model again for these weights");
}

// 90 of "sm_90a".
int capability_of(const std::string& target) {
  return std::atoi(target.c_str() + target.find('_') + 1);
}

bool is_gpu(const std::string& target) { return target.starts_with("sm_"); }

// Code runs on later GPUs of its generation; that of a letter nowhere else.
bool runs_on_gpu(const std::string& code, const std::string& gpu) {
  if (code == gpu) return true;
  const int of_code = capability_of(code), of_gpu = capability_of(gpu);
  return code.back() != 'a' && of_code / 10 == of_gpu / 10 &&
         of_code <= of_gpu;
}

}  // namespace

std::shared_ptr<const WeightSource> open_pack_weights(const Pack& pack,
                                                      const std::string& path) {
  std::vector<WeightRecipe> recipes = pack.weights;
  const bool own = path.empty() && pack.carries_weights;
  for (WeightRecipe& weight : recipes) {
    if (!own) continue;
    // As they came from the model's source, under the graph's names.
    weight.stored = weight.name;
    weight.stored_dtype = weight.dtype;
  }
  const bool wanted =
      std::any_of(recipes.begin(), recipes.end(),
                  [](const WeightRecipe& w) { return !w.stored.empty(); });
  if (!wanted && !path.empty()) {
    fail(
        "L0531", {},
        cat({"the pack ", backquoted(pack.folder),
             " makes its weights up, so it has no use for ", backquoted(path)}),
        "give `--weights` to `lathe compile`: it needs the names and types");
  }
  std::shared_ptr<const Checkpoint> checkpoint;
  if (wanted) {
    const std::string& from = path.empty() ? pack.weights_path : path;
    if (!fs::exists(from)) {
      fail("L0511", {}, cat({"there is no ", backquoted(from)}),
           "the pack holds no weights: name them with `--weights PATH`, or "
           "compile with `--with-weights`");
    }
    checkpoint = Checkpoint::open(from);
    for (const WeightRecipe& weight : recipes) {
      if (!weight.stored.empty()) check_tensor(pack, weight, *checkpoint);
    }
  }
  return std::make_shared<ModelWeights>(std::move(recipes),
                                        std::move(checkpoint));
}

void require_runs_on(const Pack& pack, const Target& target) {
  const std::string& code = pack.program.target;
  const auto refuse = [&](const std::string& reason) {
    throw DeviceError("L0704", cat({"the pack ", backquoted(pack.folder),
                                    " is for another machine: ", reason}));
  };
  if (is_gpu(code) != target.gpu.has_value()) {
    refuse(is_gpu(code) ? "it runs with `--device cuda`"
                        : "it runs with `--device cpu`");
  }
  if (is_gpu(code)) {
    if (runs_on_gpu(code, target.name)) return;
    refuse(cat({"its kernels are for ", code, " and this GPU wants ",
                target.name, "; compile with `--target ", target.name, "`"}));
  }
  std::vector<std::string> missing;
  const std::set<std::string> here = instruction_sets();
  for (const std::string& name : pack.instructions) {
    if (!here.contains(name)) missing.push_back(name);
  }
  if (missing.empty()) return;
  refuse(cat({"its kernels may use ", join(missing, ", "),
              ", which this CPU lacks; compile on the oldest machine that it "
              "is to run on"}));
}

}  // namespace lathe
