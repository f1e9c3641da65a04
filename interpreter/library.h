#pragma once
// The YAML files of the layer library, as text inside the binary.
//
// The folder `layers` fills this table before main: it embeds each of its
// YAML files and registers it here, so nobody has to include `layers` and the
// program needs no files of its own at run time.

#include <span>
#include <string_view>

namespace lathe {

// One embedded file. Both views point to static storage.
struct LibraryFile {
  std::string_view name;  // path below `layers/`, such as "rms_norm.yaml"
  std::string_view text;
};

// Adds files to the table. For objects at namespace scope in `layers` only.
struct RegisterLibraryFiles {
  explicit RegisterLibraryFiles(std::span<const LibraryFile> files);
};

// All files, sorted by name.
std::span<const LibraryFile> library_files();

}  // namespace lathe
