#include "runtime/pack/pack.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "runtime/engine.h"
#include "runtime/pack/check_program.h"
#include "runtime/pack/json_archive.h"
#include "runtime/pack/pack_damage.h"
#include "spec/check.h"
#include "tests/runtime/hand_program.h"
#include "tests/support/error_text.h"
#include "tests/support/temp_folder.h"

namespace lathe {
namespace {

// Sizes of every form, and a span.
Program rich_program() {
  Program program = scale_program();
  const Dim b = Dim::symbol("B"), t = Dim::symbol("T");
  program.symbols.push_back("T");
  program.constraints.push_back(
      {.left = 2 * b * t + floordiv(t + 3, b) - 1,
       .right = min(b, max(t, 4)),
       .code = "L0402",
       .message = "sizes",
       .span = {make_source("m.yaml", "model: m"), 7, 8}});
  program.inputs[0].default_value = 0.1;
  program.steps[0].faults = {{.op = "gather", .path = "a.b", .writes = true}};
  program.choices = {"library0"};
  program.steps[0].unless = "library0";
  LibraryProduct product;
  product.form.right.scale = ProductScale::kLines;
  product.rows = b;
  product.choice = "library0";
  program.steps.push_back({.product = product,
                           .buffers = {0, 1, 2, 1, 2},
                           .items = Dim::symbol("library0"),
                           .what = "library"});
  return program;
}

std::string json_of(const Program& program, PackTables& tables) {
  return to_json(JsonWriter(tables).json(program));
}

Program program_of(const std::string& text, const PackTables& tables) {
  Program program;
  JsonReader(tables, "program").read(parse_json(text, "test"), program);
  check_program(program);
  return program;
}

// The complaint about the program with `from` replaced by `to`.
std::string complaint(const std::string& from, const std::string& to) {
  PackTables tables;
  std::string text = json_of(rich_program(), tables);
  const size_t at = text.find(from);
  if (at == std::string::npos) return "there is no " + from;
  text.replace(at, from.size(), to);
  try {
    (void)program_of(text, tables);
  } catch (const PackDamage& damage) {
    return damage.what();
  }
  return "fine";
}

PackContents contents_for(const std::string& target) {
  PackContents out;
  out.program = scale_program();
  out.program.target = target;
  out.objects.assign(out.program.kernels.size(), "code");
  if (!target.starts_with("sm_")) out.instructions = {"sse2"};
  return out;
}

// What require_runs_on says; empty if it runs.
std::string refusal(const std::string& target, int capability) {
  Pack pack;
  pack.folder = "p";
  pack.program.target = target;
  try {
    require_runs_on(pack, gpu_target(capability));
  } catch (const DeviceError& error) {
    return error.code() + " " + error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("pack: a program is the same after writing and reading") {
  PackTables tables;
  const std::string text = json_of(rich_program(), tables);
  const Program read = program_of(text, tables);
  PackTables again;
  CHECK_EQ(json_of(read, again), text);
  CHECK_EQ(to_string(read), to_string(rich_program()));
  REQUIRE_EQ(read.constraints.size(), 1);
  const DimConstraint wanted = rich_program().constraints[0];
  CHECK(read.constraints[0].left == wanted.left);
  CHECK(read.constraints[0].right == wanted.right);
  CHECK_EQ(place_of(read.constraints[0].span), "m.yaml:1");
}

TEST_CASE("pack: numbers that name nothing are refused") {
  struct Row {
    const char* from;
    const char* to;
    const char* said;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"\"kernel\": 0", "\"kernel\": 9", "step `pack w` has the kernel 9"},
           {"\"kernel\": 0", "\"kernel\": 9000000000",
            "`program.load_steps[0].kernel` is 9000000000"},
           {"\"kernel\": 0", "\"kernel\": null",
            "`program.load_steps[0].kernel` is null and not an integer"},
           {"\"kernel\": 0", "\"kern\": 0",
            "`program.load_steps[0].kernel` is missing"},
           {"\"role\": \"weight\"", "\"role\": \"spare\"",
            "`program.buffers[1].role` is `spare`"},
           {"\"dtype\": \"float32\"", "\"dtype\": \"float33\"",
            "`program.buffers[0].dtype` is `float33`"},
           {"\"workers\": 1", "\"workers\": 0",
            "kernel pack has an impossible launch"},
           {"\"symbols\": [\"B\", \"T\"]", "\"symbols\": [\"T\"]",
            "x has the unknown size `B`"},
           {"\"choices\": [\"library0\"]", "\"choices\": []",
            "step `mul` has the choice `library0`"},
           {"\"lines\"", "\"line\"",
            "`program.steps[2].product.form.right.scale` is `line`"},
           {"\"bias\": null", "\"bias\": \"float32\"",
            "step `library` does not fit its product"},
           {"\"B\"", "\"1\"", "`program.buffers[0].shape[0]` has the size `1`"},
           {"\"//\"", "\"%\"",
            "`program.constraints[0].left` has the operation `%`"},
       }) {
    CAPTURE(row.from);
    CHECK_EQ(complaint(row.from, row.to), row.said);
  }
}

TEST_CASE("pack: what is read is what was written, and no more") {
  const TempFolder folder;
  const std::string place = folder.file("pack");
  write_pack(place, contents_for("avx2"));
  CHECK(is_pack(place));
  const Pack pack = read_pack(place);
  CHECK_EQ(to_string(pack.program).find("program scale"), 0);
  CHECK_EQ(pack.objects[0], place + "/kernels/0.so");
  CHECK_EQ(pack.objects[0], pack.objects.back());
  CHECK_EQ(pack.instructions, std::set<std::string>{"sse2"});

  std::ofstream(place + "/kernels/0.so") << "CODE";
  CHECK_EQ(error_of([&] { read_pack(place); }).find(
               "error[L0531]: the pack `" + place +
               "` is damaged: kernels/0.so has changed since it was made"),
           0);
  std::ofstream(place + "/kernels/0.so") << "longer code";
  CHECK(error_of([&] { read_pack(place); })
            .find("kernels/0.so has 11 bytes and not 4") != std::string::npos);
  std::ofstream(place + "/pack.json") << "{";
  CHECK(error_of([&] { read_pack(place); }).find("is damaged: ") !=
        std::string::npos);
}

TEST_CASE("pack: code for a GPU runs on its generation from its version on") {
  CHECK_EQ(refusal("sm_80", 80), "");
  CHECK_EQ(refusal("sm_80", 86), "");
  CHECK_EQ(refusal("sm_90a", 90), "");
  CHECK_EQ(refusal("sm_86", 80),
           "L0704 the pack `p` is for another machine: its kernels are for "
           "sm_86 and this GPU wants sm_80; compile with `--target sm_80`");
  CHECK_NE(refusal("sm_89", 90), "");
  CHECK_NE(refusal("sm_90a", 100), "");
  CHECK_EQ(refusal("avx2", 90),
           "L0704 the pack `p` is for another machine: it runs with `--device "
           "cpu`");
}

TEST_CASE("pack: instruction sets that a CPU lacks are named") {
  Pack pack;
  pack.folder = "p";
  pack.program.target = "generic";
  pack.instructions = {"sse9"};
  try {
    require_runs_on(pack, target_preset("generic"));
    CHECK(false);
  } catch (const DeviceError& error) {
    CHECK_EQ(std::string(error.what()),
             "the pack `p` is for another machine: its kernels may use sse9, "
             "which this CPU lacks; compile on the oldest machine that it is "
             "to run on");
  }
}

}  // namespace lathe
