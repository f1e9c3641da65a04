// Ops are content: code outside layers/ knows definitions, not names. A name
// in a string literal is how such knowledge would show.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "interpreter/op.h"
#include "tests/structure/source_tree.h"

namespace lathe {
namespace {

// Words that are names of ops too, but mean something else where they stand.
struct OtherMeaning {
  std::string path;
  std::set<std::string> words;  // empty: any
  std::string meaning;
};

const std::vector<OtherMeaning> kOtherMeanings = {
    {"interpreter/scalar_ops.def", {}, "scalar functions of expressions"},
    {"interpreter/builtin_functions.cpp",
     {},
     "the table of functions of the expression language"},
    {"interpreter/load_rules.cpp", {}, "the table of verbs of load rules"},
    {"interpreter/initializer.cpp",
     {"constant", "mean", "ones", "zeros"},
     "keys of `init`"},
    {"runtime/inputs.cpp", {"ones", "zeros"}, "data made up for an input"},
    {"interpreter/expr.cpp",
     {"sum", "prod", "min", "max", "argmin", "argmax"},
     "how a reduction combines"},
    {"codegen/strategies.cpp", {"matmul"}, "a strategy's name"},
    {"codegen/cuda/matmul_mma.cpp", {"ones"}, "the name of a variable"},
    {"codegen/cuda/matmul_stream.cpp", {"ones"}, "the name of a variable"},
    {"codegen/render_tables.cpp",
     {"floor_div", "is_nan", "is_inf", "shift_left", "shift_right"},
     "functions of the prelude"},
    {"codegen/program_text.cpp", {"constant"}, "the role of a buffer"},
    {"codegen/stage_graph.cpp", {"constant"}, "a literal tensor's array"},
    {"interpreter/definition.cpp",
     {"add", "mul", "min", "max"},
     "how an update combines"},
    {"interpreter/graph.cpp", {"constant"}, "a literal tensor's node"},
    {"interpreter/op_builder.cpp", {"constant"}, "a literal's name"},
    {"interpreter/op_arguments.cpp", {"pad"}, "another name of `paddings`"},
    {"runtime/cli/compare.cpp", {"equal"}, "a field of the result"},
    {"runtime/machine.cpp", {"max"}, "no limit, in a cgroup's file"},
    {"runtime/outputs.cpp", {"min", "max", "mean"}, "fields of a summary"},
    {"spec/read_params.cpp", {"min", "max"}, "bounds of a param"},
    {"spec/spec_to_yaml.cpp", {"min", "max"}, "bounds of a param"},
};

bool means_something_else(const std::string& path, const std::string& word) {
  for (const OtherMeaning& other : kOtherMeanings) {
    if (other.path == path)
      return other.words.empty() || other.words.count(word);
  }
  return false;
}

std::string op_names_in(const TreeFile& file) {
  return lines_where({file}, [&](const std::string& line) {
    // The name of a variable in generated text.
    if (line.find("make_var(\"") != std::string::npos) return false;
    for (const std::string& word : string_literals(line)) {
      if (OpRegistry::instance().find(word) &&
          !means_something_else(file.path, word)) {
        return true;
      }
    }
    return false;
  });
}

}  // namespace

TEST_CASE("op names: no code outside layers holds one") {
  std::string found;
  for (const TreeFile& file : program_sources()) {
    if (file.folder != "layers") found += op_names_in(file);
  }
  CHECK_EQ(found, "");
}

TEST_CASE("op names: every file with words of another meaning exists") {
  std::set<std::string> paths;
  for (const TreeFile& file : program_sources()) paths.insert(file.path);
  std::string missing;
  for (const OtherMeaning& other : kOtherMeanings) {
    if (!paths.count(other.path)) missing += other.path + "\n";
  }
  CHECK_EQ(missing, "");
}

}  // namespace lathe
