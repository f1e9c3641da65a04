#include "tests/support/kernel_symbols.h"

#include "runtime/process.h"
#include "spec/check.h"
#include "spec/text.h"

namespace lathe {

std::string missing_symbols(const std::string& object) {
  const ProcessResult symbols = run_process(
      {"/usr/bin/nm", "-D", "--undefined-only", "--format=just-symbols",
       object},
      60);
  LATHE_CHECK(symbols.exit_status == 0, "nm: ", symbols.output);
  std::string missing;
  for (const std::string& symbol : split(symbols.output, '\n')) {
    const bool known = symbol.empty() || symbol == "memcpy" ||
                       symbol == "memset" || symbol == "memmove";
    if (!known) missing += symbol + "\n";
  }
  return missing;
}

}  // namespace lathe
