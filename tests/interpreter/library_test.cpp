#include "interpreter/library.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace lathe {

TEST_CASE("library: files come sorted by name") {
  const auto files = library_files();
  CHECK(std::is_sorted(files.begin(), files.end(),
                       [](const LibraryFile& a, const LibraryFile& b) {
                         return a.name < b.name;
                       }));
}

}  // namespace lathe
