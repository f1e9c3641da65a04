#include "tests/support/paths.h"

namespace lathe {

std::filesystem::path source_dir() { return LATHE_SOURCE_DIR; }

}  // namespace lathe
