#include "interpreter/library.h"

#include <algorithm>
#include <vector>

namespace lathe {
namespace {

// A function's static is built on first use, whatever the order in which the
// translation units initialise.
std::vector<LibraryFile>& table() {
  static std::vector<LibraryFile> files;
  return files;
}

}  // namespace

RegisterLibraryFiles::RegisterLibraryFiles(std::span<const LibraryFile> files) {
  table().insert(table().end(), files.begin(), files.end());
  std::sort(table().begin(), table().end(),
            [](const LibraryFile& a, const LibraryFile& b) {
              return a.name < b.name;
            });
}

std::span<const LibraryFile> library_files() { return table(); }

}  // namespace lathe
