#include "codegen/version.h"

namespace lathe {

int kernel_abi_version() { return 1; }

}  // namespace lathe
