#pragma once
// What the readers of sections share: mappings with known keys, names, texts.
// Internal to spec/read_*.cpp and spec/parse_spec.cpp.

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "spec/ast.h"
#include "spec/text.h"

namespace lathe {

// Which texts are names.
enum class NameRule {
  kIdentifier,  // `hidden`; not reserved
  kPath,        // `model.layers.0`: parts with dots between them
  kType,        // `RMSNorm`, `my.Block`
};

// Adds messages; knows no section.
class SpecReader {
 public:
  explicit SpecReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void error(std::string_view code, const SourceSpan& span, std::string message,
             std::string help = "") {
    diagnostics_.error(code, span, std::move(message), std::move(help));
  }
  Diagnostics& diagnostics() { return diagnostics_; }

  // True if the node is of the kind; else adds an error. `what` names the
  // thing ("the param `hidden`"), `form` shows how it is written.
  bool expect(const YamlNode& node, YamlKind kind, const std::string& what,
              const std::string& form = "");

  // Adds errors for keys that are not in `known`, except for `x-` keys; false
  // if there are any.
  bool check_keys(const YamlNode& mapping, const std::string& what,
                  const std::vector<std::string>& known);

  // The value of a key, or null if it is absent.
  static YamlRef get(const YamlNode& mapping, std::string_view key);

  // The text of a key: empty if absent or no text.
  std::string text(const YamlNode& mapping, std::string_view key,
                   const std::string& what);

  // The expression of a key, or null.
  ExprRef expression(const YamlNode& mapping, std::string_view key);

  // A key or scalar as a name; adds an error if the rule forbids it.
  bool check_name(const Name& name, NameRule rule, const std::string& role);

  // A scalar as a Name, unchecked; nothing (and an error) if it is no text.
  std::optional<Name> scalar_name(const YamlNode& node,
                                  const std::string& what);

  // A list of texts, or one text.
  std::vector<Name> names(const YamlNode& node, const std::string& what);

  // Calls `read` for each entry of the section that is not an `x-` key and has
  // a good name. An empty section has none.
  void entries(const YamlNode& section, const std::string& section_name,
               NameRule rule, const std::string& role,
               const std::function<void(const Name&, const YamlRef&)>& read);

  // A mapping of names to values of any kind.
  std::vector<ValueDecl> values(const YamlNode& section,
                                const std::string& section_name, NameRule rule,
                                const std::string& role);

 private:
  Diagnostics& diagnostics_;
};

// True for keys that are the user's own.
inline bool is_user_key(std::string_view key) {
  return key.substr(0, 2) == "x-";
}

// Readers of the sections; each adds errors and leaves out what is wrong.
std::vector<ImportDecl> read_imports(SpecReader& reader, const YamlNode& node);
std::vector<ParamDecl> read_params(SpecReader& reader, const YamlNode& node);
std::vector<PresetDecl> read_presets(SpecReader& reader, const YamlNode& node);
std::vector<AssertDecl> read_asserts(SpecReader& reader, const YamlNode& node);
std::vector<InputDecl> read_inputs(SpecReader& reader, const YamlNode& node);
std::vector<LayerDecl> read_layers(SpecReader& reader, const YamlNode& node);
std::vector<WeightDecl> read_weights(SpecReader& reader, const YamlNode& node);
std::vector<StateDecl> read_state(SpecReader& reader, const YamlNode& node);
std::vector<StatementAst> read_body(SpecReader& reader, const YamlNode& node,
                                    const std::string& what);
std::vector<OutputDecl> read_outputs(SpecReader& reader, const YamlNode& node);
CheckpointDecl read_checkpoint(SpecReader& reader, const YamlNode& node);
std::vector<TestDecl> read_tests(SpecReader& reader, const YamlNode& node);
std::optional<LayerDecl> read_layer(SpecReader& reader, const Name& name,
                                    const YamlRef& node);

}  // namespace lathe
