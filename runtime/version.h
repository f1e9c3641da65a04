#pragma once
// The program's own version, as `lathe --version` prints it.

namespace lathe {

// Such as "0.1.0"; set by the build.
const char* program_version();

}  // namespace lathe
