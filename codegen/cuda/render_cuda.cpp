#include "codegen/cuda/render_cuda.h"

#include "codegen/cpp_renderer.h"
#include "codegen/cuda/gpu_sizes.h"
#include "spec/round_up.h"
#include "spec/text.h"

namespace lathe::cuda {
namespace {

// Threads of a block whose threads or warps have items of their own.
constexpr int kPointThreads = 256;
constexpr int kWarpThreads = 128;
// What the functions that combine workers need at the start of shared memory;
// see the device header.
constexpr int64_t kCombineBytes = 512;
constexpr int64_t kSharedAlignment = 128;

int threads_of(const LoopKernel& kernel) {
  if (kernel.workers == 1) return kPointThreads;
  return kernel.workers == kWarp ? kWarpThreads : kernel.workers;
}

int64_t first_shared_byte(const LoopKernel& kernel) {
  return kernel.workers > kWarp ? kCombineBytes : 0;
}

// Where the arrays that the workers of one item share begin, and end.
struct SharedLayout {
  std::vector<int64_t> begins;  // by local
  int64_t end = 0;
};
SharedLayout shared_layout(const LoopKernel& kernel) {
  SharedLayout layout{{}, first_shared_byte(kernel)};
  for (const LocalArray& local : kernel.locals) {
    LATHE_CHECK(local.alignment == kSharedAlignment || kernel.workers > kWarp,
                local.name, " begins elsewhere for every item");
    if (local.shared) layout.end = round_up(layout.end, local.alignment);
    layout.begins.push_back(layout.end);
    if (local.shared) {
      layout.end +=
          round_up(local.size * size_of(local.dtype), kSharedAlignment);
    }
  }
  return layout;
}
int64_t item_bytes(const LoopKernel& kernel) {
  return shared_layout(kernel).end - first_shared_byte(kernel);
}

class CudaRenderer : public cpu::Renderer {
 public:
  explicit CudaRenderer(const LoopKernel& kernel) : cpu::Renderer(kernel) {
    taken_.insert("items");
  }

  std::string run(const std::string& name) override {
    for (const BufferParam& b : kernel_.buffers) take(b.name);
    std::vector<std::string> numbers;
    for (const std::string& symbol : kernel_.symbols) {
      numbers.push_back("i64 " + take(symbol));
    }
    for (size_t i = 0; i < kernel_.sizes.size(); ++i) {
      numbers.push_back("i64 " + take(cat({"size", i})));
    }
    numbers.push_back("i64 items, Args a");
    for (const LocalArray& local : kernel_.locals) {
      if (local.view) numbers.push_back(tensor_map(local));
    }
    depth_ = 1;
    names_[kernel_.hi.get()] = "items";
    declare_locals();
    if (kernel_.worker) {
      line(cat({"const i64 ", bind(kernel_.worker), " = worker_number<",
                kernel_.workers, ">();"}));
    }
    line("after_predecessor();");
    stmt(kernel_.body);
    const std::string body = std::move(out_);
    // What is read is known by now.
    std::vector<std::string> all = buffers();
    all.insert(all.end(), numbers.begin(), numbers.end());
    const std::string blocks =
        kernel_.blocks > 0 ? cat({", ", kernel_.blocks}) : "";
    return cat({"extern \"C\" __global__ void __launch_bounds__(",
                threads_of(kernel_), blocks, ") ", name, "(\n    ",
                join(all, ",\n    "), ") {\n", body, "}\n"});
  }

  void operator()(const For& s) override {
    if (s.kind == LoopKind::kItems) {
      items_loop(s);
      return;
    }
    if (s.kind == LoopKind::kUnroll) line("#pragma unroll");
    if (s.kind == LoopKind::kRolled) line("#pragma unroll 1");
    serial_loop(s);
  }

  void operator()(const Combine& s) override {
    int workers = s.lanes > 0 ? s.lanes : kernel_.workers;
    std::string function = cat({"all_", name_of(s.op), "<", workers, ">("});
    if (s.position) {
      line(cat({function, name(s.var), ", ", name(s.position), ");"}));
    } else {
      line(cat({name(s.var), " = ", function, name(s.var), ");"}));
    }
  }

 private:
  // Of what a thread stores and reads, other threads or blocks have stored the
  // most: it is not `__restrict__`, or NVRTC reads it before they meet.
  std::vector<std::string> buffers() const {
    std::vector<std::string> all;
    for (size_t i = 0; i < kernel_.buffers.size(); ++i) {
      const BufferParam& b = kernel_.buffers[i];
      const bool changes = b.writable && read_.count(static_cast<int>(i)) > 0;
      all.push_back(cat({b.writable ? "" : "const ", cpu::storage_name(b.dtype),
                         changes ? "* " : "* __restrict__ ", b.name}));
    }
    return all;
  }

  // Says all of the view: kernels with other views have another name.
  std::string tensor_map(const LocalArray& local) {
    const TensorView& view = *local.view;
    return cat({"TENSOR_MAP(", take(local.name + "_map"), ", \"",
                kernel_.buffers[size_t(view.buffer)].name, " + ", view.first,
                ", ", view.lines.to_string(), " lines of ",
                view.depth.to_string(), " at ", view.stride.to_string(),
                ", tiles of ", view.tile_lines, " by ", view.tile_depth, "\")"});
  }

  void declare_locals() {
    const SharedLayout layout = shared_layout(kernel_);
    int64_t stride = item_bytes(kernel_);
    for (size_t i = 0; i < kernel_.locals.size(); ++i) {
      const LocalArray& local = kernel_.locals[i];
      LATHE_CHECK(local.lanes == 1, local.name, " is of vectors");
      if (local.view) {
        line(cat({"const TensorMap* const ", take(local.name), " = &",
                  local.name, "_map;"}));
        continue;
      }
      const char* type = cpu::storage_name(local.dtype);
      if (!local.shared) {
        line(cat({"alignas(16) ", type, " ", take(local.name), "[",
                  local.size, "];"}));
        continue;
      }
      line(cat({type, "* const ", take(local.name), " = (", type,
                "*)shared_of_item<", kernel_.workers, ">(",
                layout.begins[i], ", ", stride, ");"}));
    }
  }

  void items_loop(const For& s) {
    auto outside = std::pair(taken_, names_);
    std::string v = bind(s.var);
    line(cat({"for (i64 ", v, " = first_item<", kernel_.workers, ">(); ", v,
              " < ", print(s.end, 9), "; ", v, " += item_step<",
              kernel_.workers, ">()) {"}));
    nested(s.body);
    std::tie(taken_, names_) = std::move(outside);
    line("}");
  }
};

}  // namespace

std::string render_kernel(const LoopKernel& kernel, const std::string& name) {
  return CudaRenderer(kernel).run(name);
}

KernelLaunch launch_of(const LoopKernel& kernel) {
  KernelLaunch launch;
  launch.threads = threads_of(kernel);
  launch.workers = kernel.workers;
  for (const LocalArray& local : kernel.locals) {
    if (local.view) launch.views.push_back(*local.view);
  }
  launch.shared_bytes =
      first_shared_byte(kernel) + launch.items() * item_bytes(kernel);
  return launch;
}

}  // namespace lathe::cuda
