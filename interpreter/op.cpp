#include "interpreter/op.h"

#include "spec/check.h"

namespace lathe {
namespace {

const OpDef* find_where(const std::map<std::string, OpDef, std::less<>>& ops,
                        std::string OpDef::*member, std::string_view symbol) {
  for (const auto& [name, def] : ops) {
    if (def.*member == symbol) return &def;
  }
  return nullptr;
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
  for (const std::string& symbol : {def.infix, def.prefix}) {
    LATHE_CHECK(symbol.empty() || !(symbol == def.infix ? find_infix(symbol)
                                                        : find_prefix(symbol)),
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

const OpDef* OpRegistry::find_infix(std::string_view symbol) const {
  return find_where(ops_, &OpDef::infix, symbol);
}

const OpDef* OpRegistry::find_prefix(std::string_view symbol) const {
  return find_where(ops_, &OpDef::prefix, symbol);
}

const OpDef* OpRegistry::find_decoder(DType dtype) const {
  for (const auto& [name, def] : ops_) {
    if (def.decodes == dtype) return &def;
  }
  return nullptr;
}

const OpSignature& OpRegistry::signature(const OpDef& def) const {
  const auto found = signatures_.find(def.name);
  LATHE_CHECK(found != signatures_.end(), def.name, " is not registered");
  return found->second;
}

}  // namespace lathe
