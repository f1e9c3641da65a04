// GPTQ and AWQ: integers of a few bits in words. Both say how many bits, and
// how many input features share a scale; GPTQ may say so for single modules.

#include "interpreter/dialect_reading.h"
#include "spec/text.h"

namespace lathe {
namespace {

// AutoGPTQ gave every layer a bias, those of models without one zeros.
const std::vector<StoredFact> kPackedFacts = {
    {"scales", "scale_dtype"},
    {"bias", "stored_bias", StoredFact::What::kPresence},
};

// The value under the first of the keys that is there, or null.
const ConfigValue* first_member(const ConfigValue& section,
                                const std::vector<std::string_view>& keys) {
  for (std::string_view key : keys) {
    const ConfigValue* value = config_member(section, key);
    if (value != nullptr) return value;
  }
  return nullptr;
}

// A QuantizationConfig of the fields that `section` has.
StructFields packed_fields(const ConfigValue& section, const char* method,
                           const std::vector<int64_t>& widths) {
  StructFields fields(section.span);
  fields.text("quant_method", method);
  if (const ConfigValue* bits = first_member(section, {"bits", "w_bit"})) {
    const int64_t* width = std::get_if<int64_t>(&bits->value);
    bool known = false;
    std::vector<std::string> names;
    for (int64_t candidate : widths) {
      known = known || (width != nullptr && *width == candidate);
      names.push_back(std::to_string(candidate));
    }
    if (!known) {
      refuse_config(*bits, "bits", "weights have " + join(names, " or ") +
                                       " bits");
    }
    fields.add("bits", *bits);
  }
  if (const ConfigValue* size =
          first_member(section, {"group_size", "q_group_size"})) {
    fields.add("group_size", *size);
  }
  return fields;
}

QuantizedGroup packed_group(StructFields fields) {
  return {{}, "QuantizationConfig", fields.done(), "qweight", kPackedFacts};
}

StructFields gptq_fields(const ConfigValue& section) {
  StructFields fields = packed_fields(section, "gptq", {4, 8});
  for (const char* key : {"sym", "desc_act"}) {
    // Missing in old files, whose programs took the first for true.
    fields.add(key, {config_flag(section, key, key[0] == 's'), section.span});
  }
  fields.text("checkpoint_format",
              config_choice(section, "checkpoint_format",
                            {"gptq", "gptq_v2"}, "gptq"));
  return fields;
}

// `section` with the members of `changes` in place of its own.
ConfigValue overridden(const ConfigValue& section,
                       const ConfigValue& changes) {
  ConfigMap members = std::get<ConfigMap>(section.value);
  if (const ConfigMap* other = std::get_if<ConfigMap>(&changes.value)) {
    for (const ConfigMember& change : *other) {
      std::erase_if(members, [&](const ConfigMember& member) {
        return member.name == change.name;
      });
      members.push_back(change);
    }
  }
  return {std::move(members), section.span};
}

// Rules by expressions for the beginning of a module's name: `-:` leaves
// modules out, others have settings of their own.
void read_dynamic(const ConfigValue& section, QuantizationDescription& out) {
  const ConfigValue* rules = config_member(section, "dynamic");
  if (rules == nullptr) return;
  const ConfigMap* members = std::get_if<ConfigMap>(&rules->value);
  if (members == nullptr) {
    refuse_config(*rules, "dynamic", "it maps names of modules to settings");
  }
  for (const auto& [name, changes] : *members) {
    const bool leaves_out = name.rfind("-:", 0) == 0;
    const bool has_sign = leaves_out || name.rfind("+:", 0) == 0;
    const ModulePattern pattern = {
        PatternKind::kRegex, has_sign ? name.substr(2) : name, changes.span};
    if (leaves_out) {
      out.ignored.push_back(pattern);
      continue;
    }
    QuantizedGroup group =
        packed_group(gptq_fields(overridden(section, changes)));
    group.targets = {pattern};
    out.groups.push_back(std::move(group));
  }
}

// Lists of the names that the quantised modules have within a block.
std::vector<ModulePattern> targets_in_blocks(const ConfigValue& section) {
  std::vector<ModulePattern> targets;
  const ConfigValue* lists =
      config_member(section, "modules_in_block_to_quantize");
  if (lists == nullptr) return targets;
  const ConfigList* items = std::get_if<ConfigList>(&lists->value);
  if (items == nullptr) {
    refuse_config(*lists, "modules_in_block_to_quantize",
                  "it is a list of lists of names");
  }
  for (const ConfigValue& item : *items) {
    const ConfigMap wrapped = {{"names", item}};
    for (ModulePattern& pattern :
         config_modules({wrapped, item.span}, {"names"}, PatternKind::kGlob)) {
      pattern.text = "*." + pattern.text;
      targets.push_back(std::move(pattern));
    }
  }
  return targets;
}

}  // namespace

QuantizationDescription read_gptq(const ConfigValue& section) {
  QuantizationDescription out;
  QuantizedGroup group = packed_group(gptq_fields(section));
  group.targets = targets_in_blocks(section);
  out.groups.push_back(std::move(group));
  out.ignored =
      config_modules(section, {"modules_to_not_convert"}, PatternKind::kModule);
  read_dynamic(section, out);
  if (!config_flag(section, "lm_head", false)) {
    out.ignored_by_default.push_back(
        {PatternKind::kModule, "lm_head", section.span});
  }
  return out;
}

QuantizationDescription read_awq(const ConfigValue& section) {
  QuantizationDescription out;
  config_choice(section, "version", {"gemm", "GEMM"}, "gemm");
  const ConfigValue* zeros = config_member(section, "zero_point");
  if (!config_flag(section, "zero_point", true)) {
    refuse_config(*zeros, "zero_point", "weights of AWQ have zero points");
  }
  out.groups.push_back(packed_group(packed_fields(section, "awq", {4})));
  out.ignored =
      config_modules(section, {"modules_to_not_convert"}, PatternKind::kModule);
  out.ignored_by_default.push_back(
      {PatternKind::kModule, "lm_head", section.span});
  return out;
}

}  // namespace lathe
