#include "runtime/version.h"

namespace lathe {

const char* program_version() { return LATHE_VERSION; }

}  // namespace lathe
