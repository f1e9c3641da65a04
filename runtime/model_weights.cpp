#include "runtime/model_weights.h"

#include "runtime/quantize/block_encode.h"
#include "runtime/random.h"
#include "runtime/thread_pool.h"
#include "spec/check.h"

namespace lathe {
namespace {

template <typename Element>
void fill(Tensor& out, const Element& element) {
  parallel_ranges(out.numel(), kTaskNumbers, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      out.set(i, element(static_cast<uint64_t>(i)));
    }
  });
}

// Values that an initialiser makes, as rows of blocks: uint8 of `shape`.
Tensor initial_blocks(const WeightRecipe& weight) {
  std::vector<int64_t> shape = weight.shape;
  Tensor out(DType::kUInt8, shape);
  const DTypeInfo& row = info(weight.stored_dtype);
  shape.back() = shape.back() / row.bytes_per_block * row.values_per_block;
  const Tensor values = initial_tensor(weight.init, weight.path,
                                       DType::kFloat32, std::move(shape));
  const int64_t blocks = out.numel() / row.bytes_per_block;
  parallel_ranges(blocks, kTaskNumbers / row.values_per_block,
                  [&](int64_t begin, int64_t end) {
                    encode_blocks(
                        weight.stored_dtype,
                        values.as<float>() + begin * row.values_per_block,
                        (end - begin) * row.values_per_block,
                        out.mutable_data() + begin * row.bytes_per_block);
                  });
  return out;
}

}  // namespace

Tensor initial_tensor(const Initializer& init, const std::string& path,
                      DType dtype, std::vector<int64_t> shape) {
  Tensor out(dtype, std::move(shape));
  const RandomStream stream(init.seed, path);
  const double a = init.first;
  const double b = init.second;
  switch (init.kind) {
    case Initializer::Kind::kNone:
      LATHE_CHECK(false, "nothing fills ", path);
      break;
    case Initializer::Kind::kConstant:
      fill(out, [&](uint64_t) { return a; });
      break;
    case Initializer::Kind::kNormal:
      fill_normal(out, stream, a, b);
      break;
    case Initializer::Kind::kUniform:
      fill(out, [&](uint64_t i) { return a + (b - a) * stream.uniform(i); });
      break;
  }
  return out;
}

std::vector<WeightRecipe> weight_recipes(const Model& model) {
  std::vector<WeightRecipe> recipes;
  for (const WeightFill& fill : model.weights) {
    const Value& value = model.graph.values[static_cast<size_t>(fill.value)];
    recipes.push_back({.name = value.name,
                       .dtype = value.type.dtype,
                       .shape = eval(value.type.shape, {}),
                       .path = fill.path,
                       .stored = fill.stored,
                       .init = fill.init,
                       .stored_dtype = fill.dtype});
  }
  return recipes;
}

ModelWeights::ModelWeights(std::vector<WeightRecipe> recipes,
                           std::shared_ptr<const Checkpoint> checkpoint)
    : checkpoint_(std::move(checkpoint)) {
  for (WeightRecipe& recipe : recipes) {
    const std::string name = recipe.name;
    recipes_[name] = std::move(recipe);
  }
}

const WeightRecipe& ModelWeights::recipe(const std::string& name) const {
  auto it = recipes_.find(name);
  LATHE_CHECK(it != recipes_.end(), "no weight ", name);
  return it->second;
}

Tensor ModelWeights::tensor(const std::string& name) const {
  const WeightRecipe& wanted = recipe(name);
  if (wanted.stored.empty()) {
    if (is_block(wanted.stored_dtype)) return initial_blocks(wanted);
    return initial_tensor(wanted.init, wanted.path, wanted.dtype,
                          wanted.shape);
  }
  LATHE_CHECK(checkpoint_ != nullptr, "no checkpoint for ", name);
  Checkpoint::Entry entry = checkpoint_->find(wanted.stored);
  LATHE_CHECK(entry.tensor != nullptr, "no tensor ", wanted.stored);
  Tensor out = entry.file->read(*entry.tensor);
  LATHE_CHECK(out.dtype() == wanted.dtype && out.shape() == wanted.shape,
              "tensor ", wanted.stored, " is not as elaborated");
  return out;
}

void ModelWeights::release(const Tensor& tensor) const {
  if (checkpoint_ == nullptr) return;
  for (const auto& file : checkpoint_->files()) file->release(tensor);
}

void ModelWeights::prefetch(const std::string& name) const {
  const WeightRecipe& wanted = recipe(name);
  if (wanted.stored.empty()) return;
  Checkpoint::Entry entry = checkpoint_->find(wanted.stored);
  entry.file->prefetch(*entry.tensor);
}

}  // namespace lathe
