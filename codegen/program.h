#pragma once
// A compiled model as a value: kernels' texts, buffers, and the steps that
// launch kernels on buffers. Pure function of graph, target and options; can
// be printed, compared and stored. Offsets of temporaries are not in here:
// sizes are expressions, offsets are assigned when dims are bound.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codegen/library_product.h"
#include "codegen/tensor_view.h"
#include "interpreter/graph.h"
#include "spec/dim.h"
#include "spec/dtype.h"
#include "spec/source.h"

namespace lathe {

// The most items of a kernel whose threads share them, in blocks: a launch
// refuses more.
inline constexpr int64_t kMostSharedItems = 0x7fffffff;

// How a GPU runs a kernel: blocks of `threads`, of which `workers` at a time
// share an item. As many blocks as the items need, or fewer: the threads of a
// smaller grid go on with further items.
struct KernelLaunch {
  int threads = 0;  // 0: not for a GPU
  int workers = 1;
  int64_t shared_bytes = 0;
  // Tensor maps that the kernel takes behind its other arguments.
  std::vector<TensorView> views;

  // Items that a block works on at once.
  int64_t items() const { return threads / workers; }
};

// One function of generated text: extern "C" void NAME(const Args*, i64, i64),
// see kernel_abi.h. Equal kernels share one entry; `name` ends in the hash of
// the text, which holds no comments and no names of the model.
struct Kernel {
  std::string name;
  std::string text;      // the function alone; Program::prelude goes before it
  std::string commented;  // the same with YAML places and model names, to read
  int buffers = 0;        // how many buffer arguments it takes
  int dims = 0;           // how many dim arguments
  KernelLaunch launch;
};

enum class BufferRole : uint8_t {
  kInput,
  kOutput,
  kWeight,    // a checkpoint tensor as stored; released when load steps used it
  kConstant,  // literal data, in Buffer::constant
  kPacked,    // made once by load steps, kept
  kTemp,      // lives from step `first` to step `last` of a run
};

// To which our own memory is aligned, in bytes.
inline constexpr int64_t kBufferAlignment = 64;

struct Buffer {
  std::string name;
  BufferRole role = BufferRole::kTemp;
  DType dtype = DType::kFloat32;
  Shape shape;         // row-major; elements are aligned
  ValueId value = -1;  // the graph value it holds, or -1
  std::shared_ptr<const Tensor> constant;
  int first = 0, last = 0;  // kTemp: lifetime in steps, inclusive
};

// A place that a kernel's data-dependent index check can name.
struct FaultSite {
  std::string op;
  std::string path;
  SourceSpan span;
  bool writes = false;  // the index is a place to write to
};

struct Step {
  int kernel = -1;         // of Program::kernels; none for a product
  std::optional<LibraryProduct> product;
  std::vector<int> buffers;
  std::vector<Dim> dims;
  Dim items;               // extent of the parallel axis
  std::string unless;      // a choice: while it is 1, there are no items
  Dim cost;                // estimated nanoseconds of one core for all items
  std::string what;        // "mlp.gate_proj matmul silu", for profiles
  std::string path;        // layer path
  SourceSpan span;
  std::vector<FaultSite> faults;
};

struct Port {
  std::string name;
  int buffer = -1;
  std::optional<double> default_value;  // of an input that may be left out
  SourceSpan span;                      // where the input is declared
};

struct Program {
  std::string name;
  std::string target;
  std::string prelude;  // shared text before the kernels
  std::vector<Kernel> kernels;
  std::vector<Buffer> buffers;
  std::vector<Step> load_steps;  // weights -> packed, once
  std::vector<Step> steps;       // one run
  std::vector<Port> inputs, outputs;
  std::vector<DimConstraint> constraints;
  std::vector<std::string> symbols;
  // Sizes that say who computes a product: LibraryProduct::choice. Whoever
  // binds the symbols gives each 0 or 1.
  std::vector<std::string> choices;
};

// `dims` with kernels of ours for all products.
DimBindings without_library(const Program& program, DimBindings dims);

std::string to_string(const Program& program);

// Byte offsets of temporaries in one arena, for bound dims: lifetimes that
// overlap never share bytes. `sizes` are bytes per buffer (0 for others).
struct ArenaPlan {
  std::vector<int64_t> offsets;  // per buffer, -1 when not a temporary
  int64_t bytes = 0;
};
ArenaPlan plan_arena(const Program& program, const std::vector<int64_t>& sizes);

}  // namespace lathe
