#include "interpreter/spec_library.h"

#include <algorithm>

#include "interpreter/library.h"
#include "spec/check.h"
#include "spec/text.h"
#include "spec/yaml.h"

namespace lathe {
namespace {

struct Heading {
  SpecKind kind;
  std::string_view key;
};
constexpr Heading kHeadings[] = {{SpecKind::kLayer, "layer: "},
                                 {SpecKind::kModel, "model: "},
                                 {SpecKind::kStruct, "struct: "}};
constexpr std::string_view kAliases = "aliases: [";

// Finds what a file declares without reading it as YAML: parsing the whole
// library would take longer than most commands. Embedded files have the lines
// in exactly this form; a test holds it.
LibraryEntry entry_of(std::string file_name, std::string_view text) {
  LibraryEntry entry{SpecKind::kLayer, "", std::move(file_name), text, {}};
  for (const std::string& line : split(text.substr(0, 200), '\n')) {
    for (const Heading& heading : kHeadings) {
      if (line.rfind(heading.key, 0) != 0) continue;
      entry.kind = heading.kind;
      entry.type = line.substr(heading.key.size());
    }
    if (line.rfind(kAliases, 0) != 0) continue;
    const std::string names = line.substr(kAliases.size());
    for (const std::string& name : split(names.substr(0, names.find(']')),
                                         ',')) {
      entry.aliases.push_back(name.substr(name.find_first_not_of(' ')));
    }
  }
  if (!entry.type.empty()) return entry;
  throw InternalError("library file " + entry.file_name +
                      " declares nothing");
}

bool has_name(const LibraryEntry& entry, std::string_view name) {
  return entry.type == name ||
         std::find(entry.aliases.begin(), entry.aliases.end(), name) !=
             entry.aliases.end();
}

std::string source_name(std::string_view file_name) {
  return cat({"layers/", file_name});
}

}  // namespace

SpecLibrary::SpecLibrary() {
  for (const LibraryFile& file : library_files()) {
    index(std::string(file.name), file.text);
  }
}

SpecLibrary::SpecLibrary(
    const std::vector<std::pair<std::string, std::string>>& files) {
  for (const auto& [name, text] : files) {
    owned_texts_.push_back(std::make_unique<std::string>(text));
    index(name, *owned_texts_.back());
  }
}

SpecLibrary::~SpecLibrary() = default;
SpecLibrary::SpecLibrary(SpecLibrary&&) noexcept = default;

void SpecLibrary::index(std::string file_name, std::string_view text) {
  LibraryEntry entry = entry_of(std::move(file_name), text);
  const auto before = [](const LibraryEntry& a, const LibraryEntry& b) {
    return std::tie(a.kind, a.type) < std::tie(b.kind, b.type);
  };
  entries_.insert(
      std::upper_bound(entries_.begin(), entries_.end(), entry, before),
      std::move(entry));
}

const SpecFile* SpecLibrary::parse(const LibraryEntry& entry) {
  const auto found = parsed_.find(entry.file_name);
  if (found != parsed_.end()) return found->second.get();
  Diagnostics diagnostics;
  auto spec = std::make_unique<SpecFile>(
      read_spec(make_source(source_name(entry.file_name),
                            std::string(entry.text)),
                diagnostics));
  diagnostics.throw_if_errors();
  files_.insert(spec->file.get());
  return parsed_.emplace(entry.file_name, std::move(spec))
      .first->second.get();
}

const SpecFile* SpecLibrary::find(SpecKind kind, std::string_view name) {
  for (const LibraryEntry& entry : entries_) {
    if (entry.kind == kind && has_name(entry, name)) return parse(entry);
  }
  return nullptr;
}

const SpecFile* SpecLibrary::find_file(std::string_view file_name) {
  for (const LibraryEntry& entry : entries_) {
    if (entry.file_name == file_name) return parse(entry);
  }
  return nullptr;
}

bool SpecLibrary::owns(const SourceFile& file) const {
  return files_.count(&file) > 0;
}

std::string SpecLibrary::folder_of(const SpecFile& spec) const {
  for (const auto& [name, parsed] : parsed_) {
    if (parsed.get() != &spec) continue;
    const size_t slash = name.rfind('/');
    return slash == std::string::npos ? "" : name.substr(0, slash + 1);
  }
  return "";
}

std::vector<std::string> SpecLibrary::names(SpecKind kind) const {
  std::vector<std::string> names;
  for (const LibraryEntry& entry : entries_) {
    if (entry.kind == kind) names.push_back(entry.type);
  }
  return names;
}

SpecFile read_spec(const SourceRef& file, Diagnostics& diagnostics) {
  return parse_spec(parse_yaml(file, diagnostics), diagnostics);
}

}  // namespace lathe
