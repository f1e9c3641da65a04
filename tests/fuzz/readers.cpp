#include "tests/fuzz/readers.h"

#include "interpreter/quantization_dialects.h"
#include "runtime/gguf.h"
#include "runtime/json.h"
#include "runtime/json_tensor.h"
#include "runtime/model_target.h"
#include "runtime/npy.h"
#include "runtime/pack/check_program.h"
#include "runtime/pack/json_archive.h"
#include "runtime/pack/pack_damage.h"
#include "runtime/safetensors.h"
#include "spec/check.h"
#include "spec/diagnostic.h"

namespace lathe {
namespace {

std::string safetensors_seed() {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},)"
      R"("a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}})";
  std::string out(8, '\0');
  out[0] = static_cast<char>(header.size());
  return out + header + std::string(10, '\1');
}

// Metadata of a few types, and two tensors of which one is in blocks.
std::string gguf_seed() {
  const auto number = [](auto value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const auto text = [&](const std::string& value) {
    return number(uint64_t{value.size()}) + value;
  };
  const auto row = [&](const std::string& name, uint64_t size, uint32_t type,
                       uint64_t offset) {
    return text(name) + number(uint32_t{1}) + number(size) + number(type) +
           number(offset);
  };
  std::string out = "GGUF" + number(uint32_t{3}) + number(uint64_t{2}) +
                    number(uint64_t{3});
  out += text("general.name") + number(uint32_t{8}) + text("m");
  out += text("general.alignment") + number(uint32_t{4}) +
         number(uint32_t{32});
  out += text("a.list") + number(uint32_t{9}) + number(uint32_t{8}) +
         number(uint64_t{2}) + text("b") + text("");
  out += row("f", 3, 0, 0) + row("q", 32, 2, 32);
  out.append((32 - out.size() % 32) % 32, '\0');
  return out + std::string(50, '\1');
}

std::string npy_seed(const std::string& descr, const std::string& order) {
  const std::string header = "{'descr': '" + descr +
                             "', 'fortran_order': " + order +
                             ", 'shape': (2, 3), }\n";
  std::string out = "\x93NUMPY";
  out += {'\1', '\0', static_cast<char>(header.size()), '\0'};
  return out + header + std::string(24, '\1');
}

void read_json(Bytes bytes) {
  SourceRef source = make_source(
      "fuzz.json", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const JsonValue tree = parse_json(source);
  for (const JsonMember& member : tree.members) {
    (void)span_of(member.value, source).text();
  }
  (void)to_json(tree);
  if (!tree.is(JsonKind::kArray)) return;
  (void)tensor_from_json(tree, natural_dtype(tree), source);
}

// A quantization_config, and whether it means a layer.
void read_quantization_config(Bytes bytes) {
  SourceRef source = make_source(
      "fuzz.json", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const QuantizationDescription read =
      read_quantization(to_config(parse_json(source), source));
  const std::string path = "model.layers.0.mlp.up_proj";
  (void)matches_any(read.ignored, path, "Linear");
  for (const QuantizedGroup& group : read.groups) {
    (void)matches_any(group.targets, path, "Linear");
  }
}

// A program of one step, with sizes, a place and a literal.
Program packed_program() {
  const Dim n = Dim::symbol("N");
  Program program;
  program.name = "m";
  program.target = "avx2";
  program.symbols = {"N"};
  program.kernels = {{.name = "k", .buffers = 3, .dims = 1}};
  program.buffers = {
      {.name = "x", .role = BufferRole::kInput, .shape = {n, 2}},
      {.name = "c",
       .role = BufferRole::kConstant,
       .shape = {2},
       .constant = std::make_shared<const Tensor>(
           DType::kFloat32, std::vector<int64_t>{2})},
      {.name = "y",
       .role = BufferRole::kOutput,
       .shape = {min(floordiv(2 * n + 1, 4), max(n, 3)), 2}}};
  Step step;
  step.kernel = 0;
  step.buffers = {0, 1, 2};
  step.dims = {n};
  step.items = n * n - 1;
  step.span = {make_source("m.yaml", "model: m"), 0, 5};
  step.faults = {{.op = "gather"}};
  program.steps = {step};
  program.inputs = {{.name = "x", .buffer = 0, .default_value = 0.5}};
  program.outputs = {{.name = "y", .buffer = 2}};
  program.constraints = {{.left = n, .right = 4, .code = "L0402"}};
  return program;
}

PackTables& packed_tables() {
  static PackTables tables;
  return tables;
}

std::string packed_seed() {
  return to_json(JsonWriter(packed_tables()).json(packed_program()));
}

// The program.json of a pack, whose tables are as they should be.
void read_packed_program(Bytes bytes) {
  const JsonValue json = parse_json(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "fuzz");
  try {
    Program program;
    JsonReader(packed_tables(), "program").read(json, program);
    check_program(program);
    (void)to_string(program);
  } catch (const PackDamage&) {
  }
}

}  // namespace

const std::vector<Reader>& readers() {
  static const std::vector<Reader> all = {
      {"safetensors",
       [](Bytes bytes) { parse_safetensors(bytes, "fuzz.safetensors"); },
       {safetensors_seed()}},
      {"gguf",
       [](Bytes bytes) {
         (void)config_of(parse_gguf(bytes, "fuzz.gguf").metadata);
       },
       {gguf_seed()}},
      {"npy",
       [](Bytes bytes) { tensor_from_npy(bytes, "fuzz.npy"); },
       {npy_seed("<f4", "False"), npy_seed("<f4", "True"),
        npy_seed("<u2", "True")}},
      {"json",
       read_json,
       {R"({"a": [1, -2.5e3, true, null, "x\u00e9\n"], "b": {"c": []}})",
        "[[1, 2], [3, 4]]", "[[\"NaN\", 1.5], [2, -0.0]]"}},
      {"pack", read_packed_program, {packed_seed()}},
      {"quantization",
       read_quantization_config,
       {R"({"quant_method": "compressed-tensors", "ignore": ["re:.*q$"],
            "config_groups": {"a": {"targets": ["Linear"],
             "weights": {"strategy": "block", "block_structure": [8, 8]},
             "input_activations": {"strategy": "group", "group_size": 8,
                                   "dynamic": true}}}})",
        R"({"quant_method": "fp8", "weight_block_size": [128, 128],
            "modules_to_not_convert": ["layers.*.mlp", "lm_head"]})",
        R"({"producer": {"name": "modelopt"}, "quantization":
            {"quant_algo": "FP8", "exclude_modules": ["*lm_head*"]}})"}},
  };
  return all;
}

const Reader& find_reader(const std::string& name) {
  for (const Reader& reader : readers()) {
    if (reader.name == name) return reader;
  }
  LATHE_CHECK(false, "no reader ", name);
  return readers().front();
}

void read_anything(const Reader& reader, Bytes bytes) {
  try {
    reader.read(bytes);
  } catch (const SpecError&) {
  }
}

}  // namespace lathe
