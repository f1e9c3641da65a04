#include "spec/version.h"

namespace lathe {

int language_version() { return 1; }

}  // namespace lathe
