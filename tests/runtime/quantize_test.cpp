// `lathe quantize`: what is written, against numbers worked out from the
// weights in float64, and models that run on it.
#include "runtime/quantize/quantize.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "runtime/checkpoint.h"
#include "runtime/safetensors.h"
#include "tests/support/error_text.h"
#include "tests/support/load_model.h"
#include "tests/support/paths.h"
#include "tests/support/peak_memory.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

std::string case_of(const std::string& model) {
  return (source_dir() / "tests/data/cases" / model).string();
}

std::string llama() { return case_of("llama"); }

QuantizeResult quantize(const std::string& source, const std::string& format,
                        const std::string& output) {
  return quantize_checkpoint({source, output, format, {}, {}, false}, {});
}

Tensor tensor_of(const Checkpoint& checkpoint, const std::string& name) {
  const Checkpoint::Entry entry = checkpoint.find(name);
  REQUIRE_MESSAGE(entry.tensor != nullptr, name);
  return entry.file->read(*entry.tensor);
}

const char* const kLayer = "model.layers.1.mlp.down_proj";

// The weight `kLayer` of the source and what stands for it.
struct Pair {
  Tensor weight;
  std::shared_ptr<const Checkpoint> made;
  Tensor part(const std::string& name) const {
    return tensor_of(*made, std::string(kLayer) + name);
  }
};

Pair pair_of(const TempFolder& folder, const std::string& format) {
  const std::string output = folder.file("out");
  quantize(llama(), format, output);
  return {tensor_of(*Checkpoint::open(llama()),
                    std::string(kLayer) + ".weight"),
          Checkpoint::open(output)};
}

// Each scale is that of its block, each code the nearest.
void check_float8(const Pair& pair, const std::string& scale_name,
                  int64_t high, int64_t wide) {
  const Tensor codes = pair.part(".weight"), scales = pair.part(scale_name);
  const int64_t rows = pair.weight.shape()[0];
  const int64_t columns = pair.weight.shape()[1];
  const int64_t across = (columns + wide - 1) / wide;
  REQUIRE_EQ(codes.shape(), pair.weight.shape());
  REQUIRE_EQ(scales.numel(), (rows + high - 1) / high * across);
  std::vector<double> most(static_cast<size_t>(scales.numel()), 0);
  for (int64_t i = 0; i < codes.numel(); ++i) {
    const auto s =
        static_cast<size_t>(i / columns / high * across + i % columns / wide);
    most[s] = std::max(most[s], std::fabs(pair.weight.at(i)));
  }
  for (int64_t i = 0; i < codes.numel(); ++i) {
    const int64_t s = i / columns / high * across + i % columns / wide;
    const double scale = scales.at(s);
    const double wanted = pair.weight.at(i) / scale;
    CHECK(scale ==
          doctest::Approx(most[static_cast<size_t>(s)] / 448).epsilon(1e-6));
    // Three bits behind the first, and steps of 2^-9 near 0.
    CHECK(std::fabs(codes.at(i) - wanted) <=
          std::max(std::fabs(wanted) / 16, 0x1p-10) * (1 + 1e-5));
  }
}

int64_t bits_at(const Tensor& words, int64_t word, int64_t slot, int bits) {
  return (words.int_at(word) >> (slot * bits)) & ((1 << bits) - 1);
}

// Every weight is within half a step of what is stored, or a step where it is
// at an end of the range.
void check_gptq(const Pair& pair, int bits, int64_t group, bool sym) {
  const Tensor qweight = pair.part(".qweight"), qzeros = pair.part(".qzeros");
  const Tensor scales = pair.part(".scales"), g_idx = pair.part(".g_idx");
  const int64_t rows = pair.weight.shape()[0];
  const int64_t columns = pair.weight.shape()[1];
  const int64_t per = 32 / bits;
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t k = 0; k < columns; ++k) {
      const int64_t g = k / group;
      CHECK_EQ(g_idx.int_at(k), g);
      const double scale = scales.at(g * rows + n);
      const int64_t zero =
          bits_at(qzeros, (g * rows + n) / per, n % per, bits) + 1;
      const int64_t code = bits_at(qweight, k / per * rows + n, k % per, bits);
      const double read = static_cast<double>(code - zero) * scale;
      const bool at_end = code == 0 || code == (1 << bits) - 1;
      const double slack = at_end ? 1.01 : 0.51;
      CHECK(std::fabs(read - pair.weight.at(n * columns + k)) <=
            slack * scale);
      if (sym) CHECK_EQ(zero, 1 << (bits - 1));
    }
  }
}

// Root mean square of the error of the logits, in standard deviations.
double logits_error(const std::string& target,
                    const std::string& source = llama()) {
  Options options = options_from_environment();
  options.device = "reference";
  Engine engine(options);
  const auto reference = read_tensors(source + "/reference.safetensors");
  const Tensor& wanted = reference.at("logits");
  const Tensor found = load_model(engine, target, "")
                           ->run({{"input_ids", reference.at("input_ids")}})
                           .front()
                           .tensor;
  double mean = 0, variance = 0, error = 0;
  const auto count = static_cast<double>(wanted.numel());
  for (int64_t i = 0; i < wanted.numel(); ++i) mean += wanted.at(i) / count;
  for (int64_t i = 0; i < wanted.numel(); ++i) {
    variance += std::pow(wanted.at(i) - mean, 2);
    error += std::pow(found.at(i) - wanted.at(i), 2);
  }
  return std::sqrt(error / variance);
}

std::string files_in(const TempFolder& folder) {
  std::string names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    names += entry.path().filename().string() + " ";
  }
  return names;
}

}  // namespace

TEST_CASE("quantize: float8 codes and scales are the nearest") {
  for (const auto& [format, scale, high, wide] :
       std::vector<std::tuple<std::string, std::string, int64_t, int64_t>>{
           {"fp8", ".weight_scale", 1, 160},
           {"fp8:tensor", ".weight_scale", 64, 160},
           {"fp8:block=24x48", ".weight_scale_inv", 24, 48},
           {"fp8:block=24x48,weight-only", ".weight_scale", 24, 48}}) {
    const std::string named = format;  // bindings cannot be captured
    CAPTURE(named);
    const TempFolder folder;
    check_float8(pair_of(folder, format), scale, high, wide);
  }
}

TEST_CASE("quantize: integers of GPTQ are the nearest") {
  for (const auto& [format, bits, group, sym] :
       std::vector<std::tuple<std::string, int, int64_t, bool>>{
           {"gptq", 4, 128, true},
           {"gptq:group=48,asym", 4, 48, false},
           {"gptq:bits=8,group=-1", 8, 160, true},
           {"gptq:bits=8,group=32,asym", 8, 32, false}}) {
    const std::string named = format;  // bindings cannot be captured
    CAPTURE(named);
    const TempFolder folder;
    check_gptq(pair_of(folder, format), bits, group, sym);
  }
}

TEST_CASE("quantize: models run on what is written") {
  const std::vector<std::pair<std::string, double>> bounds = {
      {"fp8", 0.13},           {"fp8:tensor", 0.13},
      {"fp8:block=32", 0.13},  {"fp8:channel,weight-only", 0.1},
      {"gptq:group=32", 0.35}, {"gptq:bits=8,group=32,asym", 0.02}};
  for (const auto& [format, bound] : bounds) {
    const std::string named = format;  // bindings cannot be captured
    CAPTURE(named);
    const TempFolder folder;
    quantize(llama(), format, folder.file("out"));
    CHECK_LE(logits_error(folder.file("out")), bound);
  }
}

TEST_CASE("quantize: models run on GGUF files that are written") {
  const std::vector<std::pair<std::string, double>> bounds = {
      {"q8_0", 0.02}, {"q5_1", 0.12}, {"Q4_0", 0.3}, {"q6_k", 0.02}};
  for (const auto& [format, bound] : bounds) {
    const std::string named = format;  // bindings cannot be captured
    CAPTURE(named);
    const TempFolder folder;
    quantize(llama(), format, folder.file("out.gguf"));
    CHECK_LE(logits_error(folder.file("out.gguf")), bound);
  }
}

TEST_CASE("quantize: every architecture that is written runs") {
  for (const std::string model : {"qwen3", "gemma2"}) {
    CAPTURE(model);
    const TempFolder folder;
    quantize(case_of(model), "q8_0", folder.file("out.gguf"));
    CHECK_LE(logits_error(folder.file("out.gguf"), case_of(model)), 0.03);
  }
}

TEST_CASE("quantize: memory stays under two tensors") {
  constexpr int64_t kRows = 2048, kColumns = 4096;
  constexpr int64_t kBytes = kRows * kColumns * 4;
  const TempFolder folder;
  std::vector<NamedTensor> tensors;
  for (const char* name : {"a.weight", "b.weight", "c.weight", "d.weight"}) {
    tensors.push_back({name, Tensor(DType::kFloat32, {kRows, kColumns})});
    for (int64_t i = 0; i < kRows * kColumns; i += 7) {
      tensors.back().tensor.mutable_as<float>()[i] = 0.5f;
    }
  }
  write_safetensors(folder.file("model.safetensors"), tensors);
  tensors.clear();
  for (const char* format : {"fp8:tensor", "gptq"}) {
    CAPTURE(format);
    const int64_t before = peak_memory();
    const bool measured = reset_peak_memory();
    const int64_t base = peak_memory();
    quantize(folder.file("model.safetensors"), format,
             folder.file(std::string("out") + format[0] + ".safetensors"));
    if (!measured || before == 0 || !kPeakIsOurs) {
      MESSAGE("skipped: peak memory cannot be measured here");
      continue;
    }
    constexpr int64_t kProcess = int64_t{8} << 20;
    CHECK_LE(peak_memory() - base, 2 * kBytes + kProcess);
  }
}

TEST_CASE("quantize: what fails or is stopped leaves nothing") {
  const TempFolder folder;
  const Reporter stopping{{}, [](const Progress& progress) {
                            if (progress.done > 0) {
                              throw DeviceError("L0701", "stopped");
                            }
                          }};
  for (const char* output : {"out", "out.safetensors"}) {
    const QuantizeRequest request = {llama(), folder.file(output), "fp8",
                                     {},      {},                  false};
    CHECK_EQ(error_of([&] { quantize_checkpoint(request, stopping); }),
             "L0701: stopped\n");
  }
  CHECK_EQ(files_in(folder), "");
  // What was there stays when replacing it fails, and goes when it works.
  folder.write("out/old.txt", "old");
  QuantizeRequest request = {llama(), folder.file("out"), "fp8", {}, {}, true};
  CHECK_EQ(error_of([&] { quantize_checkpoint(request, stopping); }),
           "L0701: stopped\n");
  CHECK_EQ(folder.read("out/old.txt"), "old");
  quantize_checkpoint(request, {});
  CHECK_FALSE(std::filesystem::exists(folder.path() / "out/old.txt"));
  CHECK_EQ(files_in(folder), "out ");
}

TEST_CASE("quantize: weights that are not finite, or of odd sizes") {
  const TempFolder folder;
  Tensor bad(DType::kFloat32, {8, 12});
  bad.set(5, INFINITY);
  write_safetensors(folder.file("bad.safetensors"), {{"a.weight", bad}});
  const auto message = [&](const char* format, const char* output) {
    const std::string error = error_of([&] {
      quantize(folder.file("bad.safetensors"), format, folder.file(output));
    });
    return error.substr(0, error.find('\n'));
  };
  CHECK_EQ(message("fp8", "o.safetensors"),
           "error[L0530]: `a.weight` holds a value that is not finite at 5");
  CHECK_EQ(message("gptq", "o.safetensors"),
           "error[L0530]: `a.weight` is [8, 12], and GPTQ packs 8 codes of 4 "
           "bits in a word");
  CHECK_EQ(message("q4_0", "o.safetensors"),
           "error[L0530]: the format `q4_0` is one of GGUF files");
  CHECK_EQ(message("fp8", "o.gguf"),
           "error[L0530]: the format `fp8` is none of GGUF files");
  CHECK_EQ(message("q4_0", "o.gguf").substr(0, 60),
           "error[L0530]: a GGUF file says what model it holds, and ther");
  CHECK_EQ(files_in(folder), "bad.safetensors ");
}

}  // namespace lathe
