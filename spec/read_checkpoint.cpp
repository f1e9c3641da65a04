// Readers of the sections about weights and proofs: checkpoint and test.
#include "spec/spec_reader.h"

namespace lathe {
namespace {

std::vector<TieDecl> read_ties(SpecReader& reader, const YamlNode& node) {
  std::vector<TieDecl> out;
  reader.entries(
      node, "`tie`", NameRule::kPath, "a weight",
      [&](const Name& name, const YamlRef& value) {
        auto source = reader.scalar_name(
            *value, cat({"the source of `", name.text, "`"}));
        if (source && reader.check_name(*source, NameRule::kPath, "a weight")) {
          out.push_back({name, *source});
        }
      });
  return out;
}

std::vector<LoadRule> read_load(SpecReader& reader, const YamlNode& node) {
  std::vector<LoadRule> out;
  if (node.is_empty()) return out;
  if (!reader.expect(node, YamlKind::kSequence, "`load`",
                     "load: [{rename: \"old.*\", to: \"new.*\"}]")) {
    return out;
  }
  for (const YamlRef& item : node.items) {
    if (reader.expect(*item, YamlKind::kMapping, "a load rule",
                      "{rename: \"old.*\", to: \"new.*\"}")) {
      out.push_back({item, item->span});
    }
  }
  return out;
}

// Of an output its values are expected, or some of these.
void check_expectations(SpecReader& reader, const YamlNode& expect) {
  for (const YamlEntry& entry : expect.entries) {
    if (!entry.value->is_mapping()) continue;
    reader.check_keys(*entry.value,
                      cat({"what is expected of `", entry.key, "`"}),
                      {"shape", "finite", "values", "tolerance"});
  }
}

TestDecl read_test(SpecReader& reader, const YamlRef& node) {
  TestDecl test;
  test.span = node->span;
  reader.check_keys(
      *node, "a test",
      {"name", "preset", "params", "dims", "inputs", "weights", "expect"});
  if (YamlRef name = reader.get(*node, "name")) {
    test.name = reader.scalar_name(*name, "the name of a test");
  }
  if (YamlRef preset = reader.get(*node, "preset")) {
    if (reader.expect(*preset, YamlKind::kScalar, "the preset of a test")) {
      test.preset = preset;
    }
  }
  auto values = [&](const char* key, NameRule rule, const char* role) {
    YamlRef section = reader.get(*node, key);
    if (section == nullptr) return std::vector<ValueDecl>{};
    return reader.values(*section, cat({"`", key, "` of a test"}), rule, role);
  };
  test.params = values("params", NameRule::kIdentifier, "a param");
  test.dims = values("dims", NameRule::kIdentifier, "a dim");
  test.inputs = values("inputs", NameRule::kIdentifier, "an input");
  test.weights = values("weights", NameRule::kPath, "a weight");
  if (YamlRef expect = reader.get(*node, "expect")) {
    if (reader.expect(*expect, YamlKind::kMapping, "`expect` of a test",
                      "expect: {y: {shape: [2, 3]}}")) {
      test.expect = expect;
      check_expectations(reader, *expect);
    }
  }
  return test;
}

}  // namespace

CheckpointDecl read_checkpoint(SpecReader& reader, const YamlNode& node) {
  CheckpointDecl out;
  out.span = node.span;
  if (node.is_empty()) return out;
  if (!reader.expect(node, YamlKind::kMapping, "`checkpoint`",
                     "checkpoint: {path: weights}")) {
    return out;
  }
  reader.check_keys(node, "`checkpoint`",
                    {"path", "tie", "ignore", "init", "load"});
  if (YamlRef path = reader.get(node, "path")) {
    out.path = reader.scalar_name(*path, "`path` of the checkpoint");
  }
  if (YamlRef tie = reader.get(node, "tie")) {
    out.ties = read_ties(reader, *tie);
  }
  if (YamlRef ignore = reader.get(node, "ignore")) {
    out.ignore = reader.names(*ignore, "`ignore` of the checkpoint");
  }
  out.init = reader.get(node, "init");
  if (YamlRef load = reader.get(node, "load")) {
    out.load = read_load(reader, *load);
  }
  return out;
}

std::vector<TestDecl> read_tests(SpecReader& reader, const YamlNode& node) {
  std::vector<TestDecl> out;
  if (node.is_empty()) return out;
  if (!reader.expect(node, YamlKind::kSequence, "`test`",
                     "test: [{dims: {B: 2}, expect: {y: {finite: true}}}]")) {
    return out;
  }
  for (const YamlRef& item : node.items) {
    if (reader.expect(*item, YamlKind::kMapping, "a test",
                      "{dims: {B: 2}, expect: {y: {finite: true}}}")) {
      out.push_back(read_test(reader, item));
    }
  }
  return out;
}

}  // namespace lathe
