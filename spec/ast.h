#pragma once
// A spec file, read but not yet given meaning: sections in typed form, values
// that depend on types of layers left as YAML or expression trees.
//
// parse_spec does every check that needs this file alone: sections and keys,
// kinds of nodes, names, syntax of expressions and types. What needs other
// files, params or shapes is checked by the interpreter.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spec/damage.h"
#include "spec/diagnostic.h"
#include "spec/expression.h"
#include "spec/source.h"
#include "spec/yaml.h"

namespace lathe {

// `int`, `list[float]`, `Float8Config?` ...
struct ParamTypeAst {
  std::string name;  // int float bool string dtype device layer list map any,
                     // or a struct type
  std::shared_ptr<const ParamTypeAst> item;  // of list[T]; null for plain list
  bool optional = false;
  SourceSpan span;
};

std::string to_string(const ParamTypeAst& type);

struct ParamDecl {
  Name name;
  std::optional<ParamTypeAst> type;  // absent: taken from the default
  YamlRef default_value;             // null: required
  YamlRef min, max;                  // null: none
  YamlRef choices;                   // a sequence, or null
  std::vector<Name> from;            // keys of config.json, dotted
  std::optional<Name> prefix;  // of the paths of layers passed in the param;
                               // absent: the param's name; "" for none
  std::string doc;
};

// A name and a value whose type is not known yet (values, presets, fields).
struct ValueDecl {
  Name name;
  YamlRef value;
};

struct PresetDecl {
  Name name;
  std::vector<ValueDecl> params;
};

struct ImportDecl {
  std::optional<Name> prefix;  // absent: the type keeps its own name
  Name path;
};

struct AssertDecl {
  ExprRef that;
  ExprRef message;  // a string or template; null: made from the condition
  SourceSpan span;
};

struct InputDecl {
  Name name;
  TensorTypeAst type;
  YamlRef default_value;  // null: required
  std::string doc;
};

// A layer, as declared in `layers:` or written in place in a field.
struct LayerDecl {
  Name name;  // empty if written in place
  Name type;
  std::vector<ValueDecl> fields;
  ExprRef when;    // null: always
  ExprRef repeat;  // null: one layer, not a list
  Name index;      // empty: none
  SourceSpan span;
};

struct WeightDecl {
  Name name;
  TensorTypeAst type;
  ExprRef when;  // null: always
  YamlRef init;  // null: the default
  std::string doc;
};

struct StateDecl {
  Name name;
  TensorTypeAst type;
  ExprRef when;
  YamlRef init;  // null: zeros
  std::string doc;
};

struct StatementAst;

struct ForAst {
  Name variable;
  ExprRef range;
  std::vector<StatementAst> body;
};

struct IfAst {
  ExprRef condition;
  std::vector<StatementAst> then_body;
  std::vector<StatementAst> else_body;
};

enum class StatementKind { kAssign, kFor, kIf };

// One statement of a body; the member named by `kind` is set.
struct StatementAst {
  StatementKind kind = StatementKind::kAssign;
  AssignAst assign;
  std::shared_ptr<const ForAst> loop;
  std::shared_ptr<const IfAst> branch;
  SourceSpan span;
};

struct OutputDecl {
  Name name;
  ExprRef value;
};

struct TieDecl {
  Name target;  // the weight that has no storage of its own
  Name source;
};

// One rule: its mapping as written. Verbs are checked by the interpreter.
struct LoadRule {
  YamlRef rule;
  SourceSpan span;
};

struct CheckpointDecl {
  std::optional<Name> path;
  std::vector<TieDecl> ties;
  std::vector<Name> ignore;  // patterns
  YamlRef init;              // null: none
  std::vector<LoadRule> load;
  SourceSpan span;
};

struct TestDecl {
  std::optional<Name> name;
  YamlRef preset;  // a scalar, or null
  std::vector<ValueDecl> params;
  std::vector<ValueDecl> dims;
  std::vector<ValueDecl> inputs;
  std::vector<ValueDecl> weights;  // by path
  YamlRef expect;                  // a mapping, or null
  SourceSpan span;
};

enum class SpecKind { kModel, kLayer, kStruct };

// A file with `model:` or `layer:`, or (in the library only) `struct:`, which
// declares the fields of a struct type as params and has no other section but
// `doc`, `params` and `assert`.
struct SpecFile {
  SourceRef file;
  SpecKind kind = SpecKind::kModel;
  Name name;  // of the model, the layer type or the struct type
  std::string doc;
  std::vector<ImportDecl> imports;
  std::vector<ParamDecl> params;
  std::vector<PresetDecl> presets;
  std::vector<ValueDecl> values;
  std::vector<AssertDecl> asserts;
  std::vector<InputDecl> inputs;
  std::vector<LayerDecl> layers;
  std::vector<WeightDecl> weights;
  std::vector<StateDecl> state;
  bool has_body = false;  // without one, the layers run in order
  std::vector<StatementAst> body;
  std::vector<OutputDecl> outputs;  // empty: the last assigned name
  std::optional<CheckpointDecl> checkpoint;
  std::vector<TestDecl> tests;
  std::vector<Name> aliases;        // other names of a library type
  std::vector<Name> architectures;  // of config.json that a model is for
  std::optional<Name> config;       // path of a config.json; models only
  std::vector<ValueDecl> defaults;  // dtype, device; models only
  YamlRef kernel;                   // layers only; a mapping, or null
  Damage damage;                    // by mistakes; what is hit is left out
};

// Gives the tree its typed form. Adds what is wrong (L01xx to L03xx) and goes
// on; the result holds what could be read.
SpecFile parse_spec(const YamlDocument& document, Diagnostics& diagnostics);

// Reads a layer written in place: `{type: RotaryEmbedding, ...}`. `name` is
// empty there. Nothing after an error.
std::optional<LayerDecl> parse_layer(const Name& name, const YamlRef& node,
                                     Diagnostics& diagnostics);

// The sections that a kind of file may have, in canonical order.
std::vector<std::string> section_names(SpecKind kind);

// Canonical YAML, which reads back to the same SpecFile.
std::string to_yaml(const SpecFile& spec);

}  // namespace lathe
