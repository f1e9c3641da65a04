#include "spec/version.h"

#include <doctest/doctest.h>

namespace lathe {

TEST_CASE("version: the first one") { CHECK_EQ(language_version(), 1); }

}  // namespace lathe
