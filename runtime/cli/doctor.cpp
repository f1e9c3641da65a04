// `lathe doctor`: what this machine is and what it lacks.
#include "runtime/cache_folder.h"
#include "runtime/cli/session.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/engine.h"
#include "runtime/host_compiler.h"
#include "runtime/json.h"
#include "runtime/machine.h"
#include "runtime/version.h"

namespace lathe {
namespace {

Finding compiler_finding(const Options& options) {
  try {
    auto compiler = find_compiler(options);
    if (compiler) {
      return {"compiler",
              cat({compiler->path, ", ", compiler_version(*compiler)}), ""};
    }
    fail_without_compiler();
  } catch (const DeviceError& error) {
    return {"compiler", "none", error.what()};
  }
}

Finding cache_finding(const Options& options) {
  if (options.cache_dir.empty()) {
    return {"kernel cache", "none", "set HOME, XDG_CACHE_HOME or --cache-dir"};
  }
  Finding out{"kernel cache", options.cache_dir, ""};
  Reporter reporter;
  reporter.on_message = [&](ReportKind, const std::string& text) {
    out.advice = text;
  };
  CacheFolder folder(options.cache_dir, options.temp_dir, reporter);
  return out;
}

std::vector<Finding> findings(const Options& options) {
  const Machine machine = describe_machine();
  const int threads = options.threads > 0 ? options.threads : machine.cores;
  std::vector<Finding> found = {
      {"lathe", program_version(), ""},
      {"processor", machine.cpu.empty() ? "unknown" : machine.cpu, ""},
      {"instructions", machine.features, ""},
      {"code for", machine.target, ""},
      {"threads", cat({threads, " of ", machine.cores}), ""},
      {"caches",
       cat({bytes_text(machine.l1_bytes), ", ", bytes_text(machine.l2_bytes),
            ", ", bytes_text(machine.l3_bytes)}),
       ""},
      {"memory",
       cat({bytes_text(available_memory()), " free of ",
            bytes_text(machine.memory_bytes)}),
       ""},
      {"huge pages", machine.huge_pages ? "yes" : "no", ""},
      compiler_finding(options),
      cache_finding(options),
  };
  for (Finding& finding : cuda_findings(options)) {
    found.push_back(std::move(finding));
  }
  return found;
}

}  // namespace

int doctor_verb(const Command& command, Console& console) {
  JsonValue json = JsonValue::object();
  Table table({"", ""});
  std::string advice;
  for (const Finding& finding : findings(options_of(command))) {
    json.add(finding.what, JsonValue::of(finding.is));
    table.add({finding.what, finding.is});
    if (finding.advice.empty()) continue;
    advice += cat({"\n", finding.what, ": ", finding.advice, "\n"});
  }
  if (console.json()) {
    console.result(to_json(json));
    return 0;
  }
  const std::string text = table.text();
  console.result(text.substr(text.find('\n') + 1) + advice);
  return 0;
}

}  // namespace lathe
