#pragma once
// The types that a spec may use: layers, models and structs of the library
// (embedded YAML, parsed when first asked for), and how imports find files.
//
// A library outlives what was elaborated with it. Not for several threads.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "spec/ast.h"

namespace lathe {

// Reads the file that an import names, relative to the file that imports it;
// null if there is none. Implemented by the runtime: the interpreter opens no
// file. Equal files should give the same `name`.
using SpecLoader =
    std::function<SourceRef(const SourceFile& importer, const std::string&)>;

// A file of the library, known by the name of what it declares.
struct LibraryEntry {
  SpecKind kind = SpecKind::kLayer;
  std::string type;       // "RMSNorm", "llama", "RopeScaling"
  std::string file_name;  // "norm/rms_norm.yaml"
  std::string_view text;
  std::vector<std::string> aliases;  // other names of the type
};

class SpecLibrary {
 public:
  // The files that `layers` embeds in the binary.
  SpecLibrary();
  // Other files, for tests: name and text.
  explicit SpecLibrary(
      const std::vector<std::pair<std::string, std::string>>& files);
  ~SpecLibrary();
  SpecLibrary(SpecLibrary&&) noexcept;

  // All files, sorted by kind and type.
  const std::vector<LibraryEntry>& entries() const { return entries_; }

  // The file that declares layer type (model, struct) `name`, which may be an
  // alias, or null. Throws SpecError if the file is wrong.
  const SpecFile* find(SpecKind kind, std::string_view name);
  // The file by its name below layers/, for imports; or null.
  const SpecFile* find_file(std::string_view file_name);
  // "models/" for a library file below layers/models, else empty.
  std::string folder_of(const SpecFile& spec) const;
  // True if the file was read from the library.
  bool owns(const SourceFile& file) const;
  // Names of a kind, for lists and suggestions.
  std::vector<std::string> names(SpecKind kind) const;

 private:
  void index(std::string file_name, std::string_view text);
  const SpecFile* parse(const LibraryEntry& entry);

  std::vector<std::unique_ptr<std::string>> owned_texts_;
  std::vector<LibraryEntry> entries_;
  std::map<std::string, std::unique_ptr<SpecFile>, std::less<>> parsed_;
  std::unordered_set<const SourceFile*> files_;  // of parsed_
};

// Reads the text of a spec file: YAML, then sections. Adds what is wrong.
SpecFile read_spec(const SourceRef& file, Diagnostics& diagnostics);

}  // namespace lathe
