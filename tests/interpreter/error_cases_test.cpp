#include "tests/support/error_cases.h"

#include <doctest/doctest.h>

#include "tests/support/elaborate_text.h"
#include "tests/support/paths.h"

namespace lathe {

TEST_CASE("errors: every case of tests/errors says what its .err file says") {
  std::string report =
      compare_error_cases(source_dir() / "tests" / "errors", check_messages);
  CHECK_MESSAGE(report.empty(), report);
}

}  // namespace lathe
