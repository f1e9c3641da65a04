#include "codegen/cuda/render_cuda.h"

#include "codegen/cpp_renderer.h"

namespace lathe::cuda {
namespace {

// Threads of a block whose threads or warps have items of their own.
constexpr int kPointThreads = 256;
constexpr int kWarpThreads = 128;
constexpr int kWarp = 32;
// What the functions that combine workers need at the start of shared memory;
// see the device header.
constexpr int64_t kCombineBytes = 512;
constexpr int64_t kAlignment = 128;

int64_t round_up(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

int threads_of(const LoopKernel& kernel) {
  if (kernel.workers == 1) return kPointThreads;
  return kernel.workers == kWarp ? kWarpThreads : kernel.workers;
}

int64_t first_shared_byte(const LoopKernel& kernel) {
  return kernel.workers > kWarp ? kCombineBytes : 0;
}

int64_t bytes_of_array(const LocalArray& local) {
  return local.shared ? round_up(local.size * size_of(local.dtype)) : 0;
}

// Of the arrays that the workers of one item share.
int64_t item_bytes(const LoopKernel& kernel) {
  int64_t bytes = 0;
  for (const LocalArray& local : kernel.locals) bytes += bytes_of_array(local);
  return bytes;
}

class CudaRenderer : public cpu::Renderer {
 public:
  explicit CudaRenderer(const LoopKernel& kernel) : cpu::Renderer(kernel) {
    taken_.insert("items");
  }

  std::string run(const std::string& name) override {
    const std::string blocks =
        kernel_.blocks > 0 ? cat({", ", kernel_.blocks}) : "";
    out_ = cat({"extern \"C\" __global__ void __launch_bounds__(",
                threads_of(kernel_), blocks, ") ", name, "("});
    depth_ = 1;
    std::string separator = "\n    ";
    for (const BufferParam& b : kernel_.buffers) {
      const char* constant = b.writable ? "" : "const ";
      out_ += cat({separator, constant, cpu::storage_name(b.dtype),
                   "* __restrict__ ", take(b.name)});
      separator = ",\n    ";
    }
    for (const std::string& symbol : kernel_.symbols) {
      out_ += cat({separator, "i64 ", take(symbol)});
    }
    out_ += separator + "i64 items, Args a) {\n";
    names_[kernel_.hi.get()] = "items";
    declare_locals();
    if (kernel_.worker) {
      line(cat({"const i64 ", bind(kernel_.worker), " = worker_number<",
                kernel_.workers, ">();"}));
    }
    line("after_predecessor();");
    stmt(kernel_.body);
    return out_ + "}\n";
  }

  void operator()(const For& s) override {
    if (s.kind == LoopKind::kItems) {
      items_loop(s);
      return;
    }
    if (s.kind == LoopKind::kUnroll) line("#pragma unroll");
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
  void declare_locals() {
    int64_t offset = first_shared_byte(kernel_);
    int64_t stride = item_bytes(kernel_);
    for (const LocalArray& local : kernel_.locals) {
      LATHE_CHECK(local.lanes == 1, local.name, " is of vectors");
      const char* type = cpu::storage_name(local.dtype);
      if (!local.shared) {
        line(cat({"alignas(16) ", type, " ", take(local.name), "[",
                  local.size, "];"}));
        continue;
      }
      line(cat({type, "* const ", take(local.name), " = (", type,
                "*)shared_of_item<", kernel_.workers, ">(", offset, ", ",
                stride, ");"}));
      offset += bytes_of_array(local);
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
  launch.shared_bytes =
      first_shared_byte(kernel) + launch.items() * item_bytes(kernel);
  return launch;
}

}  // namespace lathe::cuda
