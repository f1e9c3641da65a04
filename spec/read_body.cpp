// Readers of what a spec computes: the statements of the body and the outputs.
#include "spec/spec_reader.h"

#include <algorithm>

namespace lathe {
namespace {

constexpr const char* kForForm = "{for: i, in: range(n), body: [...]}";
constexpr const char* kIfForm = "{if: condition, then: [...], else: [...]}";

// The node of a key that must be there, or null and an error. Unless the keys
// that are there are good, it may be one of them.
YamlRef required(SpecReader& reader, const YamlNode& node, bool good_keys,
                 const char* key, const char* what, const char* form) {
  YamlRef value = reader.get(node, key);
  if (value == nullptr && good_keys) {
    reader.error("L0204", node.entries.front().key_span,
                 cat({what, " has no `", key, "`"}),
                 cat({"write `", form, "`"}));
  }
  return value;
}

// An expression, or a list of them as YAML writes it.
ExprRef read_range(SpecReader& reader, const YamlNode& node) {
  if (!node.is_sequence()) return parse_expression(node, reader.diagnostics());
  auto list = std::make_shared<ExprAst>();
  list->kind = AstKind::kList;
  list->span = node.span;
  for (const YamlRef& item : node.items) {
    ExprRef value = read_range(reader, *item);
    if (value == nullptr) return nullptr;
    list->depth = std::max(list->depth, value->depth + 1);
    list->args.push_back(std::move(value));
  }
  return list;
}

bool read_for(SpecReader& reader, const YamlNode& node, StatementAst& out) {
  const bool known =
      reader.check_keys(node, "a `for` statement", {"for", "in", "body"});
  auto loop = std::make_shared<ForAst>();
  const char* what = "the `for` statement";
  YamlRef variable = reader.get(node, "for");
  if (auto name = reader.scalar_name(*variable, "the variable of `for`")) {
    if (reader.check_name(*name, NameRule::kIdentifier, "a variable")) {
      loop->variable = *name;
    }
  }
  if (YamlRef range = required(reader, node, known, "in", what, kForForm)) {
    loop->range = read_range(reader, *range);
  }
  if (YamlRef body = required(reader, node, known, "body", what, kForForm)) {
    loop->body = read_body(reader, *body, "the `body` of `for`");
  }
  out.kind = StatementKind::kFor;
  bool good = !loop->variable.text.empty() && loop->range != nullptr;
  out.loop = std::move(loop);
  return good;
}

bool read_if(SpecReader& reader, const YamlNode& node, StatementAst& out) {
  const bool known =
      reader.check_keys(node, "an `if` statement", {"if", "then", "else"});
  auto branch = std::make_shared<IfAst>();
  branch->condition = reader.expression(node, "if");
  if (YamlRef body =
          required(reader, node, known, "then", "the `if` statement",
                   kIfForm)) {
    branch->then_body = read_body(reader, *body, "`then`");
  }
  if (YamlRef body = reader.get(node, "else")) {
    branch->else_body = read_body(reader, *body, "`else`");
  }
  out.kind = StatementKind::kIf;
  bool good = branch->condition != nullptr;
  out.branch = std::move(branch);
  return good;
}

bool read_mapping(SpecReader& reader, const YamlNode& node, StatementAst& out) {
  if (node.find("for") != nullptr) return read_for(reader, node, out);
  if (node.find("if") != nullptr) return read_if(reader, node, out);
  if (node.entries.empty()) {
    reader.error("L0310", node.span, "this statement is empty");
    return false;
  }
  const YamlEntry& first = node.entries.front();
  bool cut = first.key.find('=') != std::string::npos;
  std::string help = cat({"a mapping is `", kForForm, "` or `", kIfForm, "`"});
  if (cut) help = "put the statement in quotes: YAML takes `: ` for a key";
  reader.error("L0310", first.key_span,
               cat({backquoted(first.key), " begins no statement"}), help);
  return false;
}

// True for `b)` of `[y = f(a, b)]`: the comma cut it from the item before it,
// which has been complained about.
bool is_cut_off(const YamlNode& item) {
  if (!item.is_scalar() || !item.flow || item.style != YamlStyle::kPlain) {
    return false;
  }
  int open = 0;
  for (char c : item.text) {
    if (c == '(' || c == '[') ++open;
    if (c == ')' || c == ']') --open;
  }
  return open < 0;
}

}  // namespace

std::vector<StatementAst> read_body(SpecReader& reader, const YamlNode& node,
                                    const std::string& what) {
  std::vector<StatementAst> out;
  if (node.is_empty()) return out;
  if (!reader.expect(node, YamlKind::kSequence, what, "- y = x + 1")) {
    return out;
  }
  bool last_good = true;
  for (const YamlRef& item : node.items) {
    if (!last_good && is_cut_off(*item)) continue;
    StatementAst statement;
    statement.span = item->span;
    if (item->is_mapping()) {
      if (!read_mapping(reader, *item, statement)) continue;
    } else {
      auto assign = parse_assignment(*item, reader.diagnostics());
      last_good = assign && assign->value != nullptr;
      if (!assign) continue;
      statement.assign = std::move(*assign);
    }
    out.push_back(std::move(statement));
  }
  return out;
}

std::vector<OutputDecl> read_outputs(SpecReader& reader, const YamlNode& node) {
  std::vector<OutputDecl> out;
  if (!node.is_mapping() && !node.is_empty()) {
    reader.expect(node, YamlKind::kMapping, "`outputs`", "outputs: {y: y}");
    return out;
  }
  reader.entries(node, "`outputs`", NameRule::kIdentifier, "an output",
                 [&](const Name& name, const YamlRef& value) {
                   ExprRef expr =
                       parse_expression(*value, reader.diagnostics());
                   if (expr != nullptr) out.push_back({name, expr});
                 });
  return out;
}

}  // namespace lathe
