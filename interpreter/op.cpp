#include "interpreter/op.h"

#include <unordered_map>

#include "spec/check.h"

namespace lathe {
namespace {

using Ops = std::map<std::string, OpDef, std::less<>>;
using Symbols = std::map<std::string_view, const OpDef*>;

// The ops by the operator that they are.
Symbols symbols_of(const Ops& ops, std::string OpDef::*member) {
  Symbols symbols;
  for (const auto& [name, def] : ops) {
    if (!(def.*member).empty()) symbols.emplace(def.*member, &def);
  }
  return symbols;
}

}  // namespace

OpRegistry& OpRegistry::instance() {
  static OpRegistry registry;
  return registry;
}

void OpRegistry::add(OpDef def) {
  const std::string name = def.name;
  LATHE_CHECK(!def.map != !def.define, name,
              " needs either a map or a definition");
  LATHE_CHECK(!ops_.count(name), name, " is registered twice");
  for (auto member : {&OpDef::infix, &OpDef::prefix}) {
    const std::string& symbol = def.*member;
    LATHE_CHECK(symbol.empty() || !symbols_of(ops_, member).count(symbol),
                symbol, " belongs to two ops");
  }
  LATHE_CHECK(!def.decodes || find_decoder(*def.decodes) == nullptr, name,
              " decodes what another op does");
  signatures_.emplace(name, parse_signature(def.signature));
  ops_.emplace(name, std::move(def));
}

const OpDef* OpRegistry::find(std::string_view name) const {
  const auto found = ops_.find(name);
  return found == ops_.end() ? nullptr : &found->second;
}

// Models call ops by the thousand, so symbols and signatures are looked up in
// tables. They are made at the first call, when all ops are registered.
const OpDef* OpRegistry::find_infix(std::string_view symbol) const {
  static const Symbols symbols = symbols_of(ops_, &OpDef::infix);
  const auto found = symbols.find(symbol);
  return found == symbols.end() ? nullptr : found->second;
}

const OpDef* OpRegistry::find_prefix(std::string_view symbol) const {
  static const Symbols symbols = symbols_of(ops_, &OpDef::prefix);
  const auto found = symbols.find(symbol);
  return found == symbols.end() ? nullptr : found->second;
}

const OpDef* OpRegistry::find_decoder(DType dtype) const {
  for (const auto& [name, def] : ops_) {
    if (def.decodes == dtype) return &def;
  }
  return nullptr;
}

const OpSignature& OpRegistry::signature(const OpDef& def) const {
  static const auto known = [this] {
    std::unordered_map<const OpDef*, const OpSignature*> table;
    for (const auto& [name, op] : ops_) {
      table.emplace(&op, &signatures_.find(name)->second);
    }
    return table;
  }();
  const auto found = known.find(&def);
  LATHE_CHECK(found != known.end(), def.name, " is not registered");
  return *found->second;
}

}  // namespace lathe
