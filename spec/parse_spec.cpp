// The top of a spec file: version, kind, and the table of sections.
#include <algorithm>
#include <map>

#include "spec/ast.h"
#include "spec/spec_reader.h"
#include "spec/suggest.h"

namespace lathe {
namespace {

// One section: in which kinds of files it may stand, and its reader.
struct Section {
  std::string_view name;
  bool in_model, in_layer, in_struct;
  void (*read)(SpecReader&, const YamlRef&, SpecFile&);
};

void read_defaults(SpecReader& reader, const YamlRef& node, SpecFile& spec) {
  spec.defaults =
      reader.values(*node, "`defaults`", NameRule::kIdentifier, "a default");
  if (node->is_mapping()) {
    reader.check_keys(*node, "`defaults`", {"dtype", "device"});
  }
}

void read_kernel(SpecReader& reader, const YamlRef& node, SpecFile& spec) {
  if (reader.expect(*node, YamlKind::kMapping, "`kernel`")) {
    spec.kernel = node;
  }
}

// In canonical order.
const Section kSections[] = {
    {"doc", true, true, true,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       if (r.expect(*n, YamlKind::kScalar, "`doc`")) s.doc = n->text;
     }},
    {"aliases", false, true, true,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.aliases = r.names(*n, "`aliases`");
     }},
    {"architectures", true, false, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.architectures = r.names(*n, "`architectures`");
     }},
    {"import", true, true, true,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.imports = read_imports(r, *n);
     }},
    {"config", true, false, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.config = r.scalar_name(*n, "`config`");
     }},
    {"defaults", true, false, false, read_defaults},
    {"params", true, true, true,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.params = read_params(r, *n);
     }},
    {"presets", true, true, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.presets = read_presets(r, *n);
     }},
    {"values", true, true, true,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.values = r.values(*n, "`values`", NameRule::kIdentifier, "a value");
     }},
    {"assert", true, true, true,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.asserts = read_asserts(r, *n);
     }},
    {"inputs", true, true, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.inputs = read_inputs(r, *n);
     }},
    {"layers", true, true, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.layers = read_layers(r, *n);
     }},
    {"weights", true, true, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.weights = read_weights(r, *n);
     }},
    {"state", true, true, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.state = read_state(r, *n);
     }},
    {"body", true, true, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.has_body = !n->is_empty();
       s.body = read_body(r, *n, "`body`");
     }},
    {"outputs", true, true, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.outputs = read_outputs(r, *n);
     }},
    {"kernel", false, true, false, read_kernel},
    {"checkpoint", true, true, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.checkpoint = read_checkpoint(r, *n);
     }},
    {"test", true, true, false,
     [](SpecReader& r, const YamlRef& n, SpecFile& s) {
       s.tests = read_tests(r, *n);
     }},
};

constexpr std::string_view kKindNames[] = {"model", "layer", "struct"};

bool is_in(const Section& section, SpecKind kind) {
  switch (kind) {
    case SpecKind::kModel:
      return section.in_model;
    case SpecKind::kLayer:
      return section.in_layer;
    case SpecKind::kStruct:
      return section.in_struct;
  }
  return false;
}

const Section* find_section(std::string_view name) {
  for (const Section& section : kSections) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

void check_version(SpecReader& reader, const YamlNode& root) {
  const YamlEntry& first = root.entries.front();
  const YamlEntry* version = root.find("lathe");
  if (version == nullptr) {
    reader.error("L0201", first.key_span,
                 "the language version is missing before this key",
                 "begin the file with `lathe: 1`");
    return;
  }
  if (version != &first) {
    reader.error("L0201", version->key_span,
                 "`lathe` must be the first key of the file");
  }
  const YamlNode& value = *version->value;
  if (!value.is_scalar() || value.text != "1") {
    reader.error("L0201", value.is_scalar() ? value.span : version->key_span,
                 value.is_scalar() && !value.is_empty()
                     ? cat({"this program does not know version ",
                            backquoted(value.text), " of the language"})
                     : std::string("the language version is missing"),
                 "write `lathe: 1`");
  }
}

// True if a key was probably meant to be `model`, `layer` or `struct`.
bool has_misspelt_kind(const YamlNode& root) {
  std::vector<std::string> names;
  for (const Section& section : kSections) names.emplace_back(section.name);
  for (std::string_view kind : kKindNames) names.emplace_back(kind);
  for (const YamlEntry& entry : root.entries) {
    if (is_user_key(entry.key) || find_section(entry.key)) continue;
    const std::string meant = nearest(entry.key, names);
    if (std::find(std::begin(kKindNames), std::end(kKindNames), meant) !=
        std::end(kKindNames)) {
      return true;
    }
  }
  return false;
}

// The kind and the name of the file; true if the kind is known.
bool read_kind(SpecReader& reader, const YamlNode& root, SpecFile& spec) {
  const YamlEntry* found = nullptr;
  for (const YamlEntry& entry : root.entries) {
    auto kind =
        std::find(std::begin(kKindNames), std::end(kKindNames), entry.key);
    if (kind == std::end(kKindNames)) continue;
    if (found != nullptr) {
      reader.error("L0207", entry.key_span,
                   cat({"the file is already a `", found->key, "`"}),
                   "put each model, layer and struct into its own file");
      continue;
    }
    found = &entry;
    spec.kind = static_cast<SpecKind>(kind - std::begin(kKindNames));
  }
  if (found == nullptr) {
    if (has_misspelt_kind(root)) return false;
    const YamlEntry* first = root.find("lathe");
    if (first == nullptr) first = &root.entries.front();
    reader.error("L0207", first->key_span, "the file does not say what it is",
                 "add `model: name`, or `layer: TypeName` for a layer type");
    return false;
  }
  auto name =
      reader.scalar_name(*found->value, cat({"the name of the ", found->key}));
  if (!name) return true;
  spec.name = *name;
  if (spec.kind != SpecKind::kModel) {
    reader.check_name(*name, NameRule::kIdentifier,
                      cat({"a ", found->key, " type"}));
  } else if (name->text.find_first_of("/\\ \t\n") != std::string::npos) {
    reader.error(
        "L0302", name->span,
        cat({backquoted(name->text), " cannot be the name of a model"}),
        "use letters, digits, `-`, `_` and `.`");
  }
  return true;
}

void read_section(SpecReader& reader, const YamlEntry& entry, bool kind_known,
                  SpecFile& spec) {
  const Section* section = find_section(entry.key);
  std::string_view kind = kKindNames[static_cast<size_t>(spec.kind)];
  if (section == nullptr) {
    std::vector<std::string> known = section_names(spec.kind);
    for (std::string_view name : kKindNames) known.emplace_back(name);
    std::string help = did_you_mean(entry.key, known);
    if (help.empty()) {
      help = cat({"the sections are: ", join(section_names(spec.kind), ", "),
                  "; keys that begin with `x-` are yours"});
    }
    reader.error("L0202", entry.key_span,
                 cat({"there is no section ", backquoted(entry.key)}), help);
    return;
  }
  if (kind_known && !is_in(*section, spec.kind)) {
    reader.error("L0206", entry.key_span,
                 cat({"a ", kind, " has no section `", entry.key, "`"}),
                 section->in_model ? "it belongs into a model"
                                   : "it belongs into a layer");
  }
  section->read(reader, entry.value, spec);
}

// Adds an error for each name that two declarations share.
class NameTable {
 public:
  explicit NameTable(SpecReader& reader) : reader_(reader) {}

  void declare(const Name& name, const char* role) {
    auto [place, fresh] = names_.try_emplace(name.text, Entry{name, role});
    if (fresh || place->second.role == role) return;
    reader_.diagnostics().error(
        "L0304", name.span,
        cat({"`", name.text, "` is already the name of ", place->second.role}),
        "", {cat({"declared at ", place_of(place->second.name.span)})});
  }

 private:
  struct Entry {
    Name name;
    std::string_view role;
  };
  SpecReader& reader_;
  std::map<std::string, Entry> names_;
};

void check_names(SpecReader& reader, const SpecFile& spec) {
  NameTable constants(reader);
  for (const ParamDecl& p : spec.params) constants.declare(p.name, "a param");
  for (const ValueDecl& v : spec.values) constants.declare(v.name, "a value");
  NameTable tensors(reader);
  for (const InputDecl& i : spec.inputs) tensors.declare(i.name, "an input");
  for (const LayerDecl& l : spec.layers) tensors.declare(l.name, "a layer");
  for (const WeightDecl& w : spec.weights) tensors.declare(w.name, "a weight");
  for (const StateDecl& s : spec.state) tensors.declare(s.name, "a state");
}

void read_sections(const YamlNode& root, Diagnostics& diagnostics,
                   SpecFile& spec) {
  SpecReader reader(diagnostics);
  if (!reader.expect(root, YamlKind::kMapping, "a spec", "lathe: 1") ||
      root.entries.empty()) {
    return;
  }
  check_version(reader, root);
  bool kind_known = read_kind(reader, root, spec);
  for (const YamlEntry& entry : root.entries) {
    bool is_kind = std::find(std::begin(kKindNames), std::end(kKindNames),
                             entry.key) != std::end(kKindNames);
    if (entry.key == "lathe" || is_kind || is_user_key(entry.key)) continue;
    read_section(reader, entry, kind_known, spec);
  }
  check_names(reader, spec);
}

}  // namespace

std::vector<std::string> section_names(SpecKind kind) {
  std::vector<std::string> out;
  for (const Section& section : kSections) {
    if (is_in(section, kind)) out.emplace_back(section.name);
  }
  return out;
}

SpecFile parse_spec(const YamlDocument& document, Diagnostics& diagnostics) {
  SpecFile spec;
  spec.file = document.file;
  if (document.root != nullptr) read_sections(*document.root, diagnostics, spec);
  spec.damage = damage_of(document.root.get(), diagnostics.sorted());
  return spec;
}

}  // namespace lathe
