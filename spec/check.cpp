#include "spec/check.h"

namespace lathe {

void check_failed(const char* file, int line, const char* condition,
                  const std::string& message) {
  throw InternalError(cat({file, ":", line, ": ", condition,
                           message.empty() ? "" : ": ", message}));
}

}  // namespace lathe
