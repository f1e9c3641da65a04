#include "runtime/packed_weights.h"

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <set>

#include "runtime/cpu_device.h"
#include "runtime/mapped_file.h"
#include "tests/runtime/hand_program.h"
#include "tests/support/error_text.h"
#include "tests/support/peak_memory.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

constexpr int64_t kCount = int64_t{4} << 20;  // floats of one weight: 16 MiB
constexpr int kWeights = 6;

Buffer vector_of(const std::string& name, BufferRole role) {
  Buffer buffer;
  buffer.name = name;
  buffer.role = role;
  buffer.shape = {kCount};
  return buffer;
}

// Packs w0 ... w5 into p0 ... p5, doubled; a run reads p0 ... p5 and `raw`.
Program packing_program() {
  Program program;
  program.prelude = hand_prelude();
  program.kernels = {hand_kernel("twice", "f1[i] = 2 * f0[i];", 2, 0),
                     hand_kernel("nothing", "", kWeights + 1, 0)};
  Step run;
  run.kernel = 1;
  for (int i = 0; i < kWeights; ++i) {
    program.buffers.push_back(vector_of(cat({"w", i}), BufferRole::kWeight));
    program.buffers.push_back(vector_of(cat({"p", i}), BufferRole::kPacked));
    Step load;
    load.kernel = 0;
    load.buffers = {2 * i, 2 * i + 1};
    load.items = kCount;
    load.cost = kCount;
    program.load_steps.push_back(load);
    run.buffers.push_back(2 * i + 1);
  }
  program.buffers.push_back(vector_of("raw", BufferRole::kWeight));
  run.buffers.push_back(2 * kWeights);
  program.steps = {run};
  return program;
}

// One mapped file that holds every weight; counts what is in use.
class MappedWeights : public WeightSource {
 public:
  MappedWeights(const TempFolder& folder, int64_t offset) : offset_(offset) {
    std::ofstream out(folder.file("weights"));
    const std::string head(static_cast<size_t>(offset), 'x');
    out << head;
    const std::vector<float> ones(kCount, 1.0f);
    out.write(reinterpret_cast<const char*>(ones.data()), kCount * 4);
    out.close();
    file_ = MappedFile::open(folder.file("weights"));
  }
  Tensor tensor(const std::string& name) const override {
    in_use_.insert(name);
    names_ += name + " ";
    most_ = std::max(most_, in_use_.size());
    last_ = name;
    auto* data = const_cast<std::byte*>(file_->bytes().data());
    return Tensor(DType::kFloat32, {kCount}, data + offset_, file_);
  }
  void release(const Tensor& tensor) const override {
    in_use_.erase(last_);
    file_->release(static_cast<size_t>(offset_),
                   static_cast<size_t>(tensor.bytes()));
  }

  std::shared_ptr<const MappedFile> file_;
  int64_t offset_;
  mutable std::set<std::string> in_use_;
  mutable std::string names_, last_;
  mutable size_t most_ = 0;
};

// The largest resident memory since it was last reset, in bytes; 0: the
// system does not say.
struct Loader {
  Loader() {
    Options options = options_from_environment();
    options.cache_dir = folder.file("cache");
    options.temp_dir = folder.path().string();
    options.threads = 2;
    device = make_cpu_device(options, {});
    std::vector<KernelSource> sources;
    for (const Kernel& kernel : program.kernels) {
      sources.push_back({.name = kernel.name, .text = kernel.text});
    }
    module = device->compile(program.prelude, sources);
    module->wait();
    reporter.on_progress = [this](const Progress& progress) {
      progress_text += cat({progress.done >> 20, "/", progress.total >> 20,
                            " "});
    };
  }
  TempFolder folder;
  Program program = packing_program();
  std::unique_ptr<Device> device;
  std::unique_ptr<Module> module;
  Reporter reporter;
  std::string progress_text;
};

}  // namespace

TEST_CASE("weights: packed one by one, stored ones given back") {
  for (const int64_t offset : {0, 2}) {  // a view, and a copy
    CAPTURE(offset);
    Loader loader;
    const MappedWeights source(loader.folder, offset);
    PackedWeights weights(loader.program, *loader.device);
    const int64_t before = peak_memory();
    const bool measured = reset_peak_memory();
    weights.load(*loader.module, source, loader.reporter);
    CHECK_EQ(source.names_, "w0 w1 w2 w3 w4 w5 raw ");
    CHECK_EQ(source.most_, 1);
    CHECK_EQ(loader.progress_text,
             "16/112 32/112 48/112 64/112 80/112 96/112 112/112 ");
    CHECK_EQ(weights.bytes(), (kWeights + 1) * kCount * 4);
    CHECK_EQ(weights.to_host(11).at(kCount - 1), 2);
    CHECK_EQ(weights.to_host(12).at(kCount - 1), 1);
    if (!measured || before == 0 || !kPeakIsOurs) {
      MESSAGE("skipped: peak memory cannot be measured here");
      continue;
    }
    // What is kept, two tensors, and what the process had before.
    constexpr int64_t kProcess = int64_t{40} << 20;
    CHECK_LE(peak_memory(), weights.bytes() + 2 * kCount * 4 + kProcess);
  }
}

TEST_CASE("weights: a missing one is named") {
  Loader loader;
  PackedWeights weights(loader.program, *loader.device);
  CHECK_EQ(error_of([&] {
             weights.load(*loader.module, WeightTable(), {});
           }),
           "error[L0516]: there is no weight `w0`\n");
}

TEST_CASE("weights: what only load steps use is freed") {
  Loader loader;
  // p0 becomes an intermediate of p1.
  loader.program.load_steps[1].buffers = {1, 3};
  loader.program.steps[0].buffers = {3, 5};
  const MappedWeights source(loader.folder, 0);
  PackedWeights weights(loader.program, *loader.device);
  weights.load(*loader.module, source, {});
  CHECK(weights.addresses()[1] == nullptr);
  CHECK_EQ(weights.to_host(3).at(5), 4);
  CHECK_EQ(source.names_, "w0 w2 w3 w4 w5 ");
}

}  // namespace lathe
