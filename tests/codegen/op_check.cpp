#include "tests/codegen/op_check.h"

#include <utility>

#include "codegen/compile.h"
#include "interpreter/op.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "tests/support/compare_tensors.h"
#include "tests/support/op_samples.h"
#include "tests/support/program_runner.h"
#include "tests/support/sanitizer.h"

namespace lathe {
namespace {

struct Case {
  std::string name;
  OpSample sample;
  Program program;
};

// All cases, or the first of every op and some of the others where each takes
// several times as long.
bool is_run(bool first, size_t number) {
  return !kAddressSanitizer || first || number % 4 == 0;
}

// Sums of this many numbers occur in samples.
constexpr int64_t kTerms = 64;

std::string run_case(Runner& runner, const Case& c,
                     Specials specials) {
  std::string report;
  for (const DimBindings& dims : sample_bindings(c.sample)) {
    EvaluateInputs inputs = sample_inputs(c.sample, dims, 1, specials);
    std::vector<Tensor> wanted = evaluate(c.sample.graph, inputs);
    std::vector<Tensor> got = runner.run(c.program, inputs);
    for (size_t i = 0; i < wanted.size(); ++i) {
      std::string what = difference(got[i], wanted[i], kTerms);
      if (what.empty()) continue;
      std::string sizes;
      for (const auto& [name, size] : dims) {
        sizes += cat({" ", name, "=", size});
      }
      report += cat({c.name, sizes, ": ", what, "\n"});
    }
  }
  return report;
}

}  // namespace

std::string failures_of_ops(const std::string& target, uint64_t seed,
                            Specials specials) {
  ProgramRunner runner(seed);
  return failures_of_ops(runner, target_preset(target), specials);
}

std::string failures_of_ops(Runner& runner, const Target& target,
                            Specials specials) {
  std::vector<Case> cases;
  size_t number = 0;
  for (const auto& [name, op] : OpRegistry::instance().all()) {
    bool first = true;
    for (const std::string& text : op.samples) {
      for (DType dtype : sample_dtypes(op, text)) {
        if (!is_run(std::exchange(first, false), number++)) continue;
        Case c;
        c.name = cat({name, "(", text, ") ", to_string(dtype)});
        c.sample = make_sample(op, text, dtype);
        c.program = compile(c.sample.graph, target);
        runner.add(c.program);
        cases.push_back(std::move(c));
      }
    }
  }
  runner.compile();
  std::string report;
  for (const Case& c : cases) {
    report += run_case(runner, c, Specials::kNo);
    if (specials == Specials::kYes) report += run_case(runner, c, specials);
  }
  return report;
}

}  // namespace lathe
