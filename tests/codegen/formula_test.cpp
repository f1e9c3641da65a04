// Equal layers share formulas: what becomes of a model is the same as if they
// did not, and a further layer costs no work on expressions.

#include "codegen/formula.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "codegen/cluster_plans.h"
#include "codegen/compile.h"
#include "codegen/passes.h"
#include "interpreter/elaborate.h"
#include "spec/check.h"
#include "spec/diagnostic.h"
#include "spec/text.h"
#include "tests/support/codegen_text.h"
#include "tests/support/elaborate_text.h"
#include "tests/support/error_cases.h"
#include "tests/support/paths.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

std::string shown(const Step& step) {
  std::string text = cat({"  at ", step.path, " ", place_of(step.span),
                          " costs ", step.cost.to_string(), " of"});
  for (const Dim& dim : step.dims) text += " " + dim.to_string();
  for (const FaultSite& site : step.faults) {
    text += cat({"\n  fault ", site.op, " ", site.path, " ",
                 place_of(site.span), site.writes ? " writes" : ""});
  }
  return text + "\n";
}

// All that a program says.
std::string shown(const Program& program) {
  std::string text = to_string(program);
  for (const Step& step : program.load_steps) text += shown(step);
  for (const Step& step : program.steps) text += shown(step);
  for (const Buffer& buffer : program.buffers) {
    text += cat({buffer.name, " is %", buffer.value, ", from ", buffer.first,
                 " to ", buffer.last, "\n"});
  }
  for (const Kernel& kernel : program.kernels) text += kernel.commented;
  return text;
}

// Empty if the program is the same with shared formulas and without, else the
// first lines that differ.
std::string difference(const Graph& graph, const std::string& target,
                       CompileOptions options = {}) {
  verify(schedule(graph, target_preset(target), options).graph);
  const std::string with =
      shown(compile(graph, target_preset(target), options));
  options.share_formulas = false;
  const std::string without =
      shown(compile(graph, target_preset(target), options));
  if (with == without) return "";
  std::vector<std::string> a = split(with, '\n'), b = split(without, '\n');
  size_t line = 0;
  while (line < std::min(a.size(), b.size()) && a[line] == b[line]) ++line;
  a.resize(std::max(a.size(), line + 1));
  b.resize(std::max(b.size(), line + 1));
  return cat({graph.name, " for ", target, " differs in line ", line, "\n  ",
              a[line], "\n  instead of\n  ", b[line], "\n"});
}

// For each kind of machine, and with all values kept.
std::string differences(const Graph& graph) {
  CompileOptions keep;
  keep.keep_all_values = true;
  return difference(graph, "avx2") + difference(graph, "avx512") +
         difference(graph, "sm_90a") + difference(graph, "avx2", keep);
}

std::string differences(const SourceRef& file, const fs::path& folder) {
  Diagnostics diagnostics;
  const Model model = elaborate_file(file, diagnostics, folder.string());
  return diagnostics.has_errors() ? "" : differences(model.graph);
}

std::string block_model(int count, const std::string& rope = "rope",
                        const std::string& more = "") {
  return cat({R"yaml(
inputs: {x: "bfloat16[B, T, 64]"}
layers:
  rope: {type: RotaryEmbedding, interleaved: false}
  blocks:
    type: TransformerBlock
    repeat: )yaml",
              count, R"yaml(
    attention_norm: {type: RMSNorm, dim: 64}
    mlp_norm: {type: RMSNorm, dim: 64}
    attention: {type: AttentionWithRope, num_attention_heads: 4, hidden_size: 64, rope: )yaml",
              rope, R"yaml(}
    mlp: {type: MLP, hidden_dim: 64, feed_forward_length: 96)yaml",
              more, "}\nbody: [y = blocks(x)]\n"});
}

// Formulas that the passes worked on, and plans that were made.
struct WorkDone {
  int64_t formulas = 0;
  size_t plans = 0, kernels = 0;
};

WorkDone work_for(const std::string& yaml, const std::string& name,
                  bool share_formulas = true) {
  const Graph graph = graph_from(yaml);
  const Target target = target_preset(name);
  CompileOptions options;
  options.share_formulas = share_formulas;
  const Schedule made = schedule(graph, target, options);
  const std::vector<bool> stored = stored_arrays(made);
  ClusterPlans plans(graph, made, target, options, stored);
  std::set<const ClusterPlan*> different;
  for (const Cluster& cluster : made.clusters) {
    different.insert(&plans.plan_of(cluster));
  }
  return {made.graph.formulas_worked_on, different.size(),
          plans.take_kernels().size()};
}

}  // namespace

TEST_CASE("formulas: models of the tree compile alike with and without") {
  for (const char* part : {"examples", "tests/golden", "tests/bench/models"}) {
    const fs::path folder = source_dir() / part;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() != ".yaml") continue;
      CHECK_EQ(differences(make_source(entry.path().filename().string(),
                                       read_test_file(entry.path())),
                           entry.path().parent_path()),
               "");
    }
  }
}

TEST_CASE("formulas: models of the library compile alike with and without") {
  for (const char* name : {"llama", "qwen3", "gemma2", "gpt2", "bert"}) {
    const std::string config = read_test_file(
        source_dir() / "tests/data/cases" / name / "config.json");
    const std::string spec =
        read_test_file(source_dir() / "layers/models" / cat({name, ".yaml"}));
    CHECK_EQ(differences(make_source(name, spec + "\nx-config: " + config), ""),
             "");
  }
}

TEST_CASE("formulas: what equal layers read makes a difference") {
  // Operands that are one array; layers whose inputs differ in dtype, in what
  // is stored or read elsewhere, in being weights; indices that are checked.
  CHECK_EQ(differences(graph_from(R"yaml(
inputs: {x: "float32[B, 8]", z: "bfloat16[B, 8]", ids: "int64[B]"}
weights: {w: "float32[8, 8]", v: "float32[8, 8]"}
body:
  - a = x * x + x * w[0] + w[0] * w[0]
  - b = cast(z, float32) * x + cast(x, float32)
  - c = exp(w + v) @ exp(w) + exp(v + v)
  - d = gather(w, ids, axis=0) + gather(v, ids, axis=0) * gather(w, ids, axis=0)
  - e = (a + 1.0) * (b + 1.0) * (a + 1.0)
  - y = (a @ c) + (b @ c) + d + e
outputs: {y: y, a: a, c: c, e: e, w: w}
)yaml")),
           "");
  CHECK_EQ(differences(graph_from(block_model(3))), "");
  CHECK_EQ(differences(graph_from(block_model(
               3, "{type: RotaryEmbedding}",
               ", float8_config: {type: Float8Config, weight_scale: "
               "{granularity: rowwise}, input_scale: {granularity: token}}"))),
           "");
}

TEST_CASE("formulas: a further equal layer is no work on expressions") {
  for (const char* target : {"avx2", "sm_90a"}) {
    CAPTURE(target);
    const WorkDone few = work_for(block_model(4), target);
    const WorkDone many = work_for(block_model(40), target);
    CHECK_EQ(many.formulas, few.formulas);
    CHECK_EQ(many.plans, few.plans);
    CHECK_EQ(many.kernels, few.kernels);
    // Where nothing is shared, each is.
    const WorkDone apart = work_for(block_model(40), target, false);
    CHECK_GT(apart.formulas, 5 * few.formulas);
    CHECK_GT(apart.plans, 5 * few.plans);
    CHECK_EQ(apart.kernels, few.kernels);
  }
}

TEST_CASE("formulas: slots are numbered by first use, none is held twice") {
  Schedule made =
      schedule(graph_from("inputs: {x: 'float32[B, 8]', z: 'float32[B, 8]'}\n"
                          "body: ['a = x * x', 'y = z - a']\n"),
               target_preset("avx2"), {});
  CHECK_NOTHROW(verify(made.graph));
  Array& last = made.graph.arrays.back();
  REQUIRE_EQ(last.operands.size(), 2);
  Array wrong = last;
  wrong.operands[1] = wrong.operands[0];
  std::swap(last, wrong);
  CHECK_THROWS_WITH_AS(verify(made.graph),
                       doctest::Contains("two slots hold one array"),
                       InternalError);
  wrong.operands.pop_back();
  std::swap(last, wrong);
  CHECK_THROWS_WITH_AS(verify(made.graph),
                       doctest::Contains("2 slots of 1 arrays"), InternalError);
}

}  // namespace lathe
