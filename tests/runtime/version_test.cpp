#include "runtime/version.h"

#include <doctest/doctest.h>

#include <string>

namespace lathe {

TEST_CASE("version: the build sets it") {
  CHECK_FALSE(std::string(program_version()).empty());
}

}  // namespace lathe
