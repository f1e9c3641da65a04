#include "tests/support/paths.h"

#include <cstdlib>

namespace lathe {

std::filesystem::path source_dir() {
  const char* moved = std::getenv("LATHE_SOURCE_DIR");
  return moved ? moved : LATHE_SOURCE_DIR;
}

}  // namespace lathe
