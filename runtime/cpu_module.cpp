#include "runtime/cpu_module.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <numeric>

#include "runtime/cache_tools.h"
#include "runtime/kernel_batches.h"
#include "runtime/stopwatch.h"
#include "spec/check.h"

namespace lathe {
namespace {

std::string milliseconds(double seconds) {
  return cat({static_cast<int64_t>(seconds * 1e3 + 0.5), " ms"});
}

// The line in which the compiler says that there was no room for its files;
// empty if there is none.
std::string complaint_about_room(const std::string& log) {
  for (const std::string& line : split(log, '\n')) {
    for (const char* sign : {"No space left on device", "File too large",
                             "Disk quota exceeded"}) {
      if (line.find(sign) != std::string::npos) return line;
    }
  }
  return "";
}

CompilerFile require_compiler(const Options& options) {
  const std::optional<CompilerFile> compiler = find_compiler(options);
  if (!compiler) fail_without_compiler();
  return *compiler;
}

}  // namespace

CpuToolchain::CpuToolchain(const Options& options, const Reporter& report,
                           const Machine& machine)
    : compiler(require_compiler(options)),
      folder(options.cache_dir, options.temp_dir, report),
      cache(folder, build_context(folder, compiler, machine.identity)),
      time_limit_seconds(options.compile_seconds),
      parallel(machine.cores),
      reporter(report) {}

CpuModule::CpuModule(CpuToolchain& toolchain, std::string prelude,
                     std::vector<KernelSource> kernels)
    : tools_(toolchain),
      prelude_(std::move(prelude)),
      kernels_(std::move(kernels)),
      functions_(kernels_.size()),
      objects_(kernels_.size()),
      start_(Clock::now()) {
  std::vector<int> missing;
  look_up(missing);
  add_batches(missing, true);
  add_batches(missing, false);
  for (Batch& batch : batches_) write_source(batch);
  start_workers();
  report_.cached = static_cast<int>(kernels_.size() - missing.size());
  report_.compiled = static_cast<int>(missing.size());
  report_.seconds = seconds_since(start_);
}

CpuModule::~CpuModule() {
  next_batch_ = batches_.size();
  for (std::thread& worker : workers_) worker.join();
  for (const Batch& batch : batches_) {
    if (batch.finished) continue;
    (void)unlink(batch.source.c_str());
    (void)unlink(batch.object.c_str());
  }
}

void CpuModule::look_up(std::vector<int>& missing) {
  for (size_t i = 0; i < kernels_.size(); ++i) {
    const KernelSource& kernel = kernels_[i];
    keys_.push_back(tools_.cache.key(prelude_, kernel.text));
    CacheLookup found = tools_.cache.find(keys_[i], kernel.name);
    functions_[i] = found.function;
    if (found.function) {
      objects_[i] = std::move(found.object);
    } else {
      missing.push_back(static_cast<int>(i));
      tools_.reporter.detail(
          cat({"kernel ", kernel.name, " is compiled: ", found.miss}));
    }
  }
}

void CpuModule::add_batches(const std::vector<int>& missing,
                             bool wanted_first) {
  std::vector<int> mine;
  for (int kernel : missing) {
    if (kernels_[kernel].wanted_first == wanted_first) mine.push_back(kernel);
  }
  for (auto& kernels : make_batches(mine, kernels_, tools_.parallel)) {
    batches_.emplace_back().kernels = std::move(kernels);
  }
}

std::string CpuModule::text_of(const std::vector<int>& kernels) const {
  return cat({"#line 1 \"prelude\"\n", prelude_, "\n",
              text_of_batch(kernels, kernels_)});
}

void CpuModule::write_source(Batch& batch) {
  for (;;) {
    const std::string base = tools_.folder.new_file("");
    batch.source = base + ".cpp";
    batch.object = base + ".so";
    if (write_file(batch.source, text_of(batch.kernels))) return;
    const std::string reason = std::strerror(errno);
    if (tools_.folder.is_temporary()) {
      throw DeviceError("L0604", cat({"cannot write ", batch.source, ": ",
                                      reason}));
    }
    tools_.folder.replace_by_temporary(reason);
  }
}

void CpuModule::start_workers() {
  const size_t count =
      std::min(batches_.size(), static_cast<size_t>(tools_.parallel));
  for (size_t i = 0; i < count; ++i) {
    workers_.emplace_back([this] {
      for (size_t batch = next_batch_++; batch < batches_.size();
           batch = next_batch_++) {
        try {
          CompileResult result = compile(batches_[batch]);
          batches_[batch].ready = seconds_since(start_);
          batches_[batch].promise.set_value(std::move(result));
        } catch (...) {
          batches_[batch].promise.set_exception(std::current_exception());
        }
      }
    });
  }
}

CompileResult CpuModule::compile(const Batch& batch) const {
  return compile_object(tools_.compiler, batch.source, batch.object,
                        tools_.time_limit_seconds);
}

void CpuModule::finish(Batch& batch) {
  CompileResult result = batch.promise.get_future().get();
  std::string complaint = result.ok ? "" : complaint_about_room(result.log);
  if (!complaint.empty() && !tools_.folder.is_temporary()) {
    (void)unlink(batch.source.c_str());
    (void)unlink(batch.object.c_str());
    tools_.folder.replace_by_temporary(complaint);
    write_source(batch);
    result = compile(batch);
    complaint = result.ok ? "" : complaint_about_room(result.log);
  }
  if (!complaint.empty()) {
    throw DeviceError("L0604", cat({"no room for compiled kernels in ",
                                    tools_.folder.path(), ": ", complaint}),
                      result.log);
  }
  if (!result.ok) fail(batch, result);
  tools_.reporter.detail(cat({"compiled ", batch.kernels.size(),
                              " kernels in one file in ",
                              milliseconds(result.seconds)}));
  load(batch);
  batch.finished = true;
}

void CpuModule::load(Batch& batch) {
  std::vector<KernelCache::Entry> entries;
  for (int kernel : batch.kernels) {
    entries.push_back({keys_[kernel], kernels_[kernel].name});
  }
  auto place = tools_.cache.store(batch.object, batch.source, entries);
  if (!place) {
    tools_.reporter.warning(cat({"cannot keep kernels in ",
                                 tools_.folder.path(), ": ",
                                 std::strerror(errno)}));
    place = batch.object;
  }
  prune_daily(tools_.folder.path());
  std::string reason;
  std::shared_ptr<ObjectFile> object = ObjectFile::open(*place, reason);
  if (!object) {
    throw DeviceError("L0602", cat({"cannot load compiled kernels: ", reason}));
  }
  for (int kernel : batch.kernels) {
    functions_[kernel] = object->find(kernels_[kernel].name);
    LATHE_CHECK(functions_[kernel] != nullptr, "no function ",
                kernels_[kernel].name, " in ", *place);
    objects_[kernel] = object;
  }
}

void CpuModule::fail(const Batch& batch, const CompileResult& result) {
  // The kernel that the first error is in; the first one if it does not say.
  int guilty = batch.kernels[0];
  for (int kernel : batch.kernels) {
    if (result.first_error.starts_with(kernels_[kernel].name + ":")) {
      guilty = kernel;
    }
  }
  const KernelSource& kernel = kernels_[guilty];
  const std::string kept =
      tools_.folder.file("failed/" + kernel.name + ".cpp");
  (void)unlink(kept.c_str());
  std::string message = cat({"kernel ", kernel.name, " of ", kernel.place,
                             " does not compile: ", result.first_error});
  if (write_file(kept, text_of({guilty}))) {
    tools_.folder.keep();
    message += cat({"; its text is in ", kept});
  }
  throw DeviceError("L0602", message, result.log);
}

KernelFunction CpuModule::function(int kernel) {
  if (functions_[kernel]) return functions_[kernel];
  for (Batch& batch : batches_) {
    const auto& mine = batch.kernels;
    if (std::find(mine.begin(), mine.end(), kernel) != mine.end()) {
      finish(batch);
      report_.seconds = std::max(report_.seconds, batch.ready);
      break;
    }
  }
  return functions_[kernel];
}

std::string CpuModule::object_path(int kernel) {
  function(kernel);
  return objects_[kernel]->path();
}

CompileReport CpuModule::wait() {
  for (size_t i = 0; i < kernels_.size(); ++i) function(static_cast<int>(i));
  return report_;
}

}  // namespace lathe
