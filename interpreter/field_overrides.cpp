// Single fields of params from the command line: what stands in the preset, in
// config.json or by default stays, and the fields named are replaced
// (`-p float8_config.weight_scale.granularity=tensor`).

#include <algorithm>

#include "interpreter/elaborator.h"
#include "spec/text.h"

namespace lathe {
namespace {

// Sets fields of one param's value. In the functions, `depth` parts of the
// paths of all `overrides` lead to `base`, which is called `name`.
class FieldSetter {
 public:
  using Overrides = std::vector<const FieldOverride*>;

  FieldSetter(Elaborator& e, const Scope& scope) : e_(e), scope_(scope) {}

  Datum set(const Datum& base, const ParamTypeAst& type,
            const std::string& name, Overrides overrides, size_t depth) {
    Datum value = base;
    // The last override of the whole value hides those before it.
    for (size_t i = overrides.size(); i-- > 0;) {
      if (overrides[i]->path.size() > depth) continue;
      value = e_.read_value(*overrides[i]->value, type, scope_,
                            cat({"`", name, "`"}));
      overrides.erase(overrides.begin(),
                      overrides.begin() + static_cast<ptrdiff_t>(i) + 1);
      break;
    }
    if (overrides.empty() || value.unknown()) return value;
    const auto* fields = value.as<std::shared_ptr<const DatumStruct>>();
    if (fields != nullptr && (*fields)->type.empty()) {
      return set_in_map(**fields, overrides, depth);
    }
    const LayerType* record =
        fields != nullptr ? e_.find_struct((*fields)->type)
        : value.none()    ? e_.find_struct(type.name)
                          : nullptr;
    if (record == nullptr) {
      fail("L0331", overrides[0]->value->span,
           cat({"`", name, "` is ", described(value), ", which has no field `",
                overrides[0]->path[depth], "`"}));
    }
    return set_in_struct(fields == nullptr ? DatumStruct() : **fields, *record,
                         overrides, depth);
  }

 private:
  // Makes the struct anew, so that its defaults and asserts see the fields.
  Datum set_in_struct(const DatumStruct& base, const LayerType& record,
                      const Overrides& overrides, size_t depth) {
    const SourceSpan& span = overrides[0]->value->span;
    std::vector<GivenField> fields;
    for (const auto& [name, group] : by_field(overrides, depth)) {
      const SourceSpan& place = group.back()->value->span;
      const ParamDecl* decl = record.find_param(name);
      if (decl == nullptr) {
        e_.unknown_field(record, {name, place}, record.name);
      }
      const Datum* old = base.find(name);
      fields.push_back({name,
                        set(old == nullptr ? Datum(None{}) : *old,
                            e_.param_type(record, *decl), name, group,
                            depth + 1),
                        place, place, "", nullptr});
    }
    for (const auto& [name, value] : base.fields) {
      if (std::count(base.defaulted.begin(), base.defaulted.end(), name) > 0) {
        continue;
      }
      // The first field of a name counts.
      fields.push_back({name, value, span, span, "", nullptr});
    }
    return e_.make_struct(record, std::move(fields), span);
  }

  // A map may also get fields that it did not have.
  Datum set_in_map(const DatumStruct& base, const Overrides& overrides,
                   size_t depth) {
    static const ParamTypeAst any{.name = "any"};
    auto out = std::make_shared<DatumStruct>(base);
    for (const auto& group : by_field(overrides, depth)) {
      const std::string& name = group.first;
      const Datum* old = base.find(name);
      Datum value = set(old == nullptr ? Datum(None{}) : *old, any, name,
                        group.second, depth + 1);
      const auto at = std::find_if(
          out->fields.begin(), out->fields.end(),
          [&](const auto& field) { return field.first == name; });
      if (at == out->fields.end()) {
        out->fields.emplace_back(name, std::move(value));
      } else {
        at->second = std::move(value);
      }
    }
    return std::shared_ptr<const DatumStruct>(std::move(out));
  }

  // The overrides by the field that they lead to, in order.
  static std::vector<std::pair<std::string, Overrides>> by_field(
      const Overrides& overrides, size_t depth) {
    std::vector<std::pair<std::string, Overrides>> groups;
    for (const FieldOverride* override : overrides) {
      const std::string& name = override->path[depth];
      auto at = std::find_if(
          groups.begin(), groups.end(),
          [&](const auto& group) { return group.first == name; });
      if (at == groups.end()) at = groups.insert(at, {name, {}});
      at->second.push_back(override);
    }
    return groups;
  }

  Elaborator& e_;
  const Scope& scope_;
};

}  // namespace

const std::vector<FieldOverride>& Elaborator::field_overrides(
    const LayerInstance& layer, std::string_view param) const {
  static const std::vector<FieldOverride> none;
  if (&layer != root_) return none;
  const auto found = field_overrides_.find(param);
  return found == field_overrides_.end() ? none : found->second;
}

Datum Elaborator::with_field_overrides(LayerInstance& layer,
                                       const ParamDecl& decl,
                                       const Datum& base) {
  const std::string& name = decl.name.text;
  FieldSetter::Overrides overrides;
  for (const FieldOverride& override : field_overrides(layer, name)) {
    overrides.push_back(&override);
  }
  if (overrides.empty()) return base;
  const Scope scope{.layer = &layer};
  return FieldSetter(*this, scope)
      .set(base, param_type(*layer.type, decl), name, std::move(overrides), 0);
}

}  // namespace lathe
