#include "runtime/model_weights.h"

#include "runtime/quantize/block_encode.h"
#include "runtime/random.h"
#include "runtime/thread_pool.h"
#include "spec/check.h"

namespace lathe {
namespace {

// Elements that one task fills.
constexpr int64_t kGrain = 1 << 16;

template <typename Element>
void fill(Tensor& out, const Element& element) {
  parallel_ranges(out.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      out.set(i, element(static_cast<uint64_t>(i)));
    }
  });
}

// Values that an initialiser makes, as rows of blocks: uint8 of `shape`.
Tensor initial_blocks(const WeightFill& weight, std::vector<int64_t> shape) {
  Tensor out(DType::kUInt8, shape);
  const DTypeInfo& row = info(weight.dtype);
  shape.back() = shape.back() / row.bytes_per_block * row.values_per_block;
  const Tensor values = initial_tensor(weight.init, weight.path,
                                       DType::kFloat32, std::move(shape));
  const int64_t blocks = out.numel() / row.bytes_per_block;
  parallel_ranges(blocks, kGrain / row.values_per_block,
                  [&](int64_t begin, int64_t end) {
                    encode_blocks(
                        weight.dtype,
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

ModelWeights::ModelWeights(const Model& model,
                           std::shared_ptr<const Checkpoint> checkpoint)
    : checkpoint_(std::move(checkpoint)) {
  for (const WeightFill& fill : model.weights) {
    const Value& value = model.graph.values[static_cast<size_t>(fill.value)];
    weights_[value.name] = {fill, value.type.dtype, eval(value.type.shape, {})};
  }
}

const ModelWeights::Weight& ModelWeights::weight(
    const std::string& name) const {
  auto it = weights_.find(name);
  LATHE_CHECK(it != weights_.end(), "no weight ", name);
  return it->second;
}

Tensor ModelWeights::tensor(const std::string& name) const {
  const Weight& wanted = weight(name);
  if (wanted.fill.stored.empty()) {
    if (is_block(wanted.fill.dtype)) {
      return initial_blocks(wanted.fill, wanted.shape);
    }
    return initial_tensor(wanted.fill.init, wanted.fill.path, wanted.dtype,
                          wanted.shape);
  }
  LATHE_CHECK(checkpoint_ != nullptr, "no checkpoint for ", name);
  Checkpoint::Entry entry = checkpoint_->find(wanted.fill.stored);
  LATHE_CHECK(entry.tensor != nullptr, "no tensor ", wanted.fill.stored);
  Tensor out = entry.file->read(*entry.tensor);
  LATHE_CHECK(out.dtype() == wanted.dtype && out.shape() == wanted.shape,
              "tensor ", wanted.fill.stored, " is not as elaborated");
  return out;
}

void ModelWeights::release(const Tensor& tensor) const {
  if (checkpoint_ == nullptr) return;
  for (const auto& file : checkpoint_->files()) file->release(tensor);
}

void ModelWeights::prefetch(const std::string& name) const {
  const Weight& wanted = weight(name);
  if (wanted.fill.stored.empty()) return;
  Checkpoint::Entry entry = checkpoint_->find(wanted.fill.stored);
  entry.file->prefetch(*entry.tensor);
}

}  // namespace lathe
