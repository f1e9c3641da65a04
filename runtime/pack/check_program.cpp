#include "runtime/pack/check_program.h"

#include <algorithm>
#include <set>

#include "runtime/pack/pack_damage.h"
#include "spec/text.h"

namespace lathe {
namespace {

constexpr int kMostThreads = 1024;
constexpr int64_t kMostShared = int64_t{227} * 1024;

void require(bool holds, std::initializer_list<Piece> what) {
  if (!holds) throw PackDamage(cat(what));
}

template <typename T>
bool names(int64_t index, const std::vector<T>& table) {
  return index >= 0 && index < static_cast<int64_t>(table.size());
}

// Steps of a run may use the model's symbols, load steps none.
class Symbols {
 public:
  explicit Symbols(const std::vector<std::string>& names)
      : names_(names.begin(), names.end()) {}

  void check(const Dim& dim, const std::string& where) const {
    for (const std::string& symbol : dim.symbols()) {
      require(names_.contains(symbol),
              {where, " has the unknown size ", backquoted(symbol)});
    }
  }

 private:
  std::set<std::string> names_;
};

void check_kernel(const Kernel& kernel) {
  const KernelLaunch& launch = kernel.launch;
  require(kernel.buffers >= 0 && kernel.dims >= 0 && launch.threads >= 0 &&
              launch.threads <= kMostThreads && launch.workers >= 1 &&
              launch.shared_bytes >= 0 && launch.shared_bytes <= kMostShared &&
              (launch.threads == 0 || launch.workers <= launch.threads),
          {"kernel ", kernel.name, " has an impossible launch"});
  std::vector<std::string> dims;
  for (int i = 0; i < kernel.dims; ++i) dims.push_back(cat({"n", i}));
  const Symbols known(dims);
  for (const TensorView& view : launch.views) {
    require(view.buffer >= 0 && view.buffer < kernel.buffers && view.first >= 0,
            {"kernel ", kernel.name, " has an impossible tensor map"});
    for (const Dim* dim : {&view.depth, &view.lines, &view.stride}) {
      known.check(*dim, "kernel " + kernel.name);
    }
  }
}

void check_buffer(const Program& program, const Buffer& buffer,
                  const Symbols& run, const Symbols& load) {
  const bool is_static = buffer.role == BufferRole::kWeight ||
                         buffer.role == BufferRole::kPacked ||
                         buffer.role == BufferRole::kConstant;
  for (const Dim& dim : buffer.shape) {
    (is_static ? load : run).check(dim, buffer.name);
    require(!dim.is_static() || dim.value() >= 0,
            {buffer.name, " has a size below 0"});
  }
  if (buffer.role == BufferRole::kConstant) {
    require(buffer.constant && buffer.constant->dtype() == buffer.dtype &&
                buffer.constant->shape() == eval(buffer.shape, {}),
            {"the constant ", buffer.name, " is not as declared"});
  }
  if (buffer.role == BufferRole::kTemp) {
    require(buffer.first >= 0 && buffer.first <= buffer.last &&
                names(buffer.last, program.steps),
            {"the buffer ", buffer.name, " has an impossible lifetime"});
  }
}

bool is_choice(const Program& program, const std::string& name) {
  return std::find(program.choices.begin(), program.choices.end(), name) !=
         program.choices.end();
}

void check_product(const Program& program, const Step& step,
                   const Symbols& symbols) {
  const LibraryProduct& product = *step.product;
  require(
      step.kernel == -1 && step.dims.empty() &&
          static_cast<int>(step.buffers.size()) == buffers_of(product.form) &&
          is_choice(program, product.choice),
      {"step ", backquoted(step.what), " does not fit its product"});
  for (const Dim* dim :
       {&product.rows, &product.columns, &product.depth, &product.left_stride,
        &product.right_stride, &product.result_stride, &product.wanted}) {
    symbols.check(*dim, step.what);
  }
}

void check_step(const Program& program, const Step& step,
                const Symbols& symbols) {
  if (step.product) {
    check_product(program, step, symbols);
  } else {
    require(names(step.kernel, program.kernels),
            {"step ", backquoted(step.what), " has the kernel ", step.kernel});
    const Kernel& kernel = program.kernels[static_cast<size_t>(step.kernel)];
    require(static_cast<int>(step.buffers.size()) == kernel.buffers &&
                static_cast<int>(step.dims.size()) == kernel.dims,
            {"step ", backquoted(step.what), " does not fit its kernel"});
  }
  for (int buffer : step.buffers) {
    require(names(buffer, program.buffers),
            {"step ", backquoted(step.what), " has the buffer ", buffer});
  }
  require(step.unless.empty() || is_choice(program, step.unless),
          {"step ", backquoted(step.what), " has the choice ",
           backquoted(step.unless)});
  for (const Dim& dim : step.dims) symbols.check(dim, step.what);
  symbols.check(step.items, step.what);
  symbols.check(step.cost, step.what);
}

}  // namespace

void check_program(const Program& program) {
  std::vector<std::string> sizes = program.symbols;
  sizes.insert(sizes.end(), program.choices.begin(), program.choices.end());
  const Symbols run(sizes), load({});
  for (const Kernel& kernel : program.kernels) check_kernel(kernel);
  for (const Buffer& buffer : program.buffers) {
    check_buffer(program, buffer, run, load);
  }
  for (const Step& step : program.load_steps) check_step(program, step, load);
  for (const Step& step : program.steps) check_step(program, step, run);
  for (const auto* ports : {&program.inputs, &program.outputs}) {
    for (const Port& port : *ports) {
      require(names(port.buffer, program.buffers),
              {backquoted(port.name), " has the buffer ", port.buffer});
    }
  }
  for (const DimConstraint& constraint : program.constraints) {
    run.check(constraint.left, constraint.message);
    run.check(constraint.right, constraint.message);
  }
}

}  // namespace lathe
