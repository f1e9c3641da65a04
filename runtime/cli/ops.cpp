// `lathe ops`: every op with its signature and first line of documentation.
#include "interpreter/op.h"
#include "runtime/cli/table.h"
#include "runtime/cli/verbs.h"
#include "runtime/json.h"

namespace lathe {
namespace {

JsonValue row_of(const OpDef& op) {
  JsonValue out = JsonValue::object();
  out.add("name", JsonValue::of(op.name));
  out.add("signature", JsonValue::of(op.signature));
  if (!op.infix.empty()) out.add("infix", JsonValue::of(op.infix));
  if (!op.prefix.empty()) out.add("prefix", JsonValue::of(op.prefix));
  out.add("doc", JsonValue::of(op.doc));
  return out;
}

}  // namespace

int ops_verb(const Command&, Console& console) {
  Table table({"OP", "AS", "DOC"});
  JsonValue list = JsonValue::array();
  for (const auto& [name, op] : OpRegistry::instance().all()) {
    const std::string& symbol = op.infix.empty() ? op.prefix : op.infix;
    table.add({name, symbol, first_line(op.doc)});
    list.items.push_back(row_of(op));
  }
  console.result(console.json() ? to_json(list) : table.text());
  return 0;
}

}  // namespace lathe
