// Times linear layers with weights in several formats against each other and
// against a plain read of as many bytes, taking turns in one process.
//
//   quantized [THREADS] [SECONDS]
//
// Prints a Markdown table. For one row of activations the time is compared
// with that of a read (`floor`) and of bfloat16; for many rows the speed is
// compared with that of multiply-adds in registers (`peak`), which for bfloat16
// are of pairs where the machine has them. The best of all turns counts: on a
// shared machine the others measure its other users.
#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/engine.h"
#include "runtime/machine.h"
#include "tests/support/load_model.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

struct Format {
  const char* name;
  double bits;  // a weight
  bool pairs;   // multiplied in pairs of bfloat16, where the machine can
  const char* weights;
  const char* body;
  // Not none: float32 activations are rounded to codes of this encoding.
  const char* codes = nullptr;
};

constexpr char kPlain[] = "  - y = x @ transpose(w)\n";

const Format kFormats[] = {
    {"bfloat16", 16, true, "  w: bfloat16[n, k]\n", kPlain},
    {"float8_e4m3fn", 8, true, "  w: float8_e4m3fn[n, k]\n  s: float32[n]\n",
     "  - y = x @ transpose(cast(w, float32)) * s\n"},
    {"float8 128x128", 8, true,
     "  w: float8_e4m3fn[n, k]\n  s: float32[n // 128, k // 128]\n",
     "  - s = repeat_interleave(s, 128, axis=0)\n"
     "  - s = repeat_interleave(s, 128, axis=1)\n"
     "  - y = x @ transpose(cast(w, float32) * s)\n"},
    {"int4 by 128, zeros", 4.16, true,
     "  w: int32[k // 8, n]\n  s: float16[k // 128, n]\n"
     "  z: int32[k // 128, n // 8]\n",
     "  - p = range(0, 8) * 4\n"
     "  - c = flatten((w[:, None, :] >> p[:, None]) & 15, 0, 1)\n"
     "  - z = flatten((z[:, :, None] >> p) & 15, 1, 2)\n"
     "  - c = c - repeat_interleave(z, 128, axis=0)\n"
     "  - s = repeat_interleave(s, 128, axis=0)\n"
     "  - y = x @ (cast(c, float32) * cast(s, float32))\n"},
    {"int4 by 32", 4.5, true,
     "  w: int32[k // 8, n]\n  s: float16[k // 32, n]\n",
     "  - p = range(0, 8) * 4\n"
     "  - c = flatten((w[:, None, :] >> p[:, None]) & 15, 0, 1)\n"
     "  - s = repeat_interleave(s, 32, axis=0)\n"
     "  - y = x @ (cast(c - 8, float32) * cast(s, float32))\n"},
    {"int8 by 32", 8.5, false, "  w: int8[n, k]\n  s: float16[n, k // 32]\n",
     "  - s = repeat_interleave(s, 32, axis=1)\n"
     "  - y = x @ transpose(cast(w, float32) * cast(s, float32))\n"},
    {"Q4_0", 4.5, true, "  w: q4_0[n, k]\n", kPlain},
    {"Q4_0, Q8_0 activations", 4.5, false, "  w: q4_0[n, k]\n", kPlain, "Q8_0"},
    {"Q8_0, Q8_0 activations", 8.5, false, "  w: q8_0[n, k]\n", kPlain, "Q8_0"},
    {"Q4_K, Q8_K activations", 4.5, false, "  w: q4_k[n, k]\n", kPlain, "Q8_K"},
    {"Q6_K, Q8_K activations", 6.56, false, "  w: q6_k[n, k]\n", kPlain,
     "Q8_K"},
};

using Clock = std::chrono::steady_clock;

// Multiply-adds that wait for nothing; returns how many.
using Multiply = double (*)(int64_t steps);

double seconds_of(const std::function<void()>& work) {
  auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void on_threads(int threads, const std::function<void(int)>& work) {
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(work, t);
  work(0);
  for (std::thread& other : others) other.join();
}

// Memory as the weights have it: in large pages where the system has them.
class BigPages {
 public:
  explicit BigPages(size_t bytes)
      : bytes_(bytes),
        data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    madvise(data_, bytes_, MADV_HUGEPAGE);
    std::memset(data_, 1, bytes_);
  }
  ~BigPages() { munmap(data_, bytes_); }
  BigPages(const BigPages&) = delete;
  BigPages& operator=(const BigPages&) = delete;

  const uint64_t* data() const { return static_cast<uint64_t*>(data_); }
  size_t size() const { return bytes_ / sizeof(uint64_t); }

 private:
  size_t bytes_;
  void* data_;
};

// Sums of words that the compiler cannot leave out.
uint64_t read_all(const uint64_t* words, size_t count) {
  uint64_t sums[16] = {};
  for (size_t i = 0; i + 16 <= count; i += 16) {
    __builtin_prefetch(words + i + 256);
    __builtin_prefetch(words + i + 264);
    for (size_t j = 0; j < 16; ++j) sums[j] += words[i + j];
  }
  uint64_t sum = 0;
  for (uint64_t s : sums) sum += s;
  return sum;
}

// Of float32.
__attribute__((target("avx2,fma"))) double multiply_add(int64_t steps) {
  typedef float Lanes __attribute__((vector_size(32)));
  Lanes sums[12], x, y;
  for (int l = 0; l < 8; ++l) x[l] = 0.99f, y[l] = 0.01f;
  for (Lanes& s : sums) s = x;
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (Lanes& s : sums) s = s * x + y;
    asm volatile("" : "+x"(x));
  }
  for (int s = 1; s < 12; ++s) sums[0] += sums[s];
  return static_cast<double>(steps) * 12 * 8 + (sums[0][0] == 7 ? 1 : 0);
}

// Of pairs of bfloat16. What the registers hold does not matter.
__attribute__((target("avx512f"))) double multiply_add_pairs(int64_t steps) {
#define STEP(sum) "vdpbf16ps %%zmm15, %%zmm15, %%zmm" sum "\n"
  for (int64_t i = 0; i < steps; ++i) {
    asm volatile(
        STEP("0") STEP("1") STEP("2") STEP("3") STEP("4") STEP("5") STEP("6")
            STEP("7") STEP("8") STEP("9") STEP("10") STEP("11")::
                : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                  "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");
  }
#undef STEP
  return static_cast<double>(steps) * 12 * 32;
}

// The fastest way that this machine has for a kernel of bfloat16 weights.
Multiply best_for_bfloat16() {
  const std::string features = describe_machine().features;
  bool pairs = features.find("avx512bf16") != std::string::npos;
  return pairs ? multiply_add_pairs : multiply_add;
}

class Bench {
 public:
  Bench(int threads, double seconds) : threads_(threads), seconds_(seconds) {}

  void run(int n, int k) {
    options_ = options_from_environment();
    options_.threads = threads_;
    Engine engine(options_);
    TempFolder folder;
    std::vector<std::unique_ptr<Executable>> models;
    for (const Format& f : kFormats) {
      std::string path = folder.write("model.yaml", model_of(f, n, k));
      models.push_back(load_model(engine, path, ""));
    }
    BigPages memory(static_cast<size_t>(n) * k * 2);
    for (int rows : {1, 4, 128}) time_rows(models, memory, n, k, rows);
  }

 private:
  static std::string model_of(const Format& f, int n, int k) {
    std::string layers, round;
    if (f.codes) {
      layers = fmt::format(
          "layers: {{q: {{type: BlockQuantize, encoding: {}}}}}\n", f.codes);
      round = "  - p = q(x)\n  - x = cast(p.codes, float32) * p.scale\n";
    }
    return fmt::format(
        "lathe: 1\nmodel: m\nparams: {{n: {}, k: {}}}\n"
        "inputs: {{x: \"{}[M, k]\"}}\nweights:\n{}{}"
        "body:\n  - x = cast(x, float32)\n{}{}  - y = cast(y, bfloat16)\n"
        "checkpoint: {{init: uniform}}\n",
        n, k, f.codes ? "float32" : "bfloat16", f.weights, layers, round,
        f.body);
  }

  static Tensor activations(DType dtype, int rows, int k) {
    Tensor x(dtype, {rows, k});
    for (int64_t i = 0; i < x.numel(); ++i) x.set(i, 0.001 * (i % 997));
    return x;
  }

  void time_rows(std::vector<std::unique_ptr<Executable>>& models,
                 const BigPages& memory, int n, int k, int rows) {
    const Tensor narrow = activations(DType::kBFloat16, rows, k);
    const Tensor wide = activations(DType::kFloat32, rows, k);
    auto run = [&](size_t i) {
      models[i]->run({{"x", kFormats[i].codes ? wide : narrow}});
    };
    std::vector<double> best(models.size(), 1e9);
    double read = 1e9, peak = 0, pair_peak = 0;
    for (size_t i = 0; i < models.size(); ++i) run(i);
    auto end = Clock::now() + std::chrono::duration<double>(seconds_);
    for (int turn = 0; turn < 3 || Clock::now() < end; ++turn) {
      read = std::min(read, seconds_of([&] { read_memory(memory); }));
      peak = std::max(peak, measure_peak(multiply_add));
      pair_peak = std::max(pair_peak, measure_peak(best_for_bfloat16()));
      for (size_t i = 0; i < models.size(); ++i) {
        double taken = seconds_of([&] { run(i); });
        best[i] = std::min(best[i], taken);
      }
    }
    double bytes = 2.0 * n * k, work = 2.0 * n * k * rows;
    for (size_t i = 0; i < models.size(); ++i) {
      double floor = read * kFormats[i].bits / 16;
      fmt::print(
          "| {} -> {} | {} | {} | {:.3f} | {:.2f} | {:.2f} | {:.1f} | "
          "{:.2f} |\n",
          k, n, rows, kFormats[i].name, best[i] * 1e3, floor / best[i],
          best[i] / best[0], work / best[i] * 1e-9,
          work / best[i] / (kFormats[i].pairs ? pair_peak : peak));
    }
    fmt::print(
        "| {} -> {} | {} | read {:.1f} GB/s, peak {:.0f} GFLOP/s, bfloat16 "
        "{:.0f} | "
        "{:.3f} | | | | |\n",
        k, n, rows, bytes / read * 1e-9, peak * 1e-9, pair_peak * 1e-9,
        read * 1e3);
    std::fflush(stdout);
  }

  void read_memory(const BigPages& memory) {
    size_t part = memory.size() / static_cast<size_t>(threads_);
    on_threads(threads_, [&](int t) {
      sums_[t] = read_all(memory.data() + part * static_cast<size_t>(t), part);
    });
  }

  double measure_peak(Multiply multiply) {
    std::vector<double> done(static_cast<size_t>(threads_));
    double taken = seconds_of([&] {
      on_threads(threads_, [&](int t) { done[t] = multiply(1 << 20); });
    });
    double sum = 0;
    for (double d : done) sum += d;
    return 2 * sum / taken;
  }

  int threads_;
  double seconds_;
  Options options_;
  uint64_t sums_[64] = {};
};

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) try {
  int threads = argc > 1 ? std::stoi(argv[1]) : 2;
  double seconds = argc > 2 ? std::stod(argv[2]) : 1;
  fmt::print(
      "| linear | rows | weights | ms | of the floor | to bfloat16 | "
      "GFLOP/s | of the peak |\n|---|---:|---|---:|---:|---:|---:|---:|\n");
  lathe::Bench(threads, seconds).run(11008, 4096);
  lathe::Bench(threads, seconds).run(28672, 8192);
  return 0;
} catch (const std::exception& error) {
  fmt::print("{}\n", error.what());
  return 1;
}
