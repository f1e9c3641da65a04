#pragma once
// Errors that are not the user's: InternalError (a bug in lathe) and
// DeviceError (a driver, compiler or system call failed). Mistakes in a model
// are SpecError, see spec/diagnostic.h.

#include <stdexcept>
#include <string>

#include "spec/text.h"

namespace lathe {

// A bug in lathe. Thrown by LATHE_CHECK; exit status 4.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// A driver, compiler or system call failed; exit status 3.
class DeviceError : public std::runtime_error {
 public:
  // `code` is one of spec/error_codes.def; `log` is what the tool said.
  DeviceError(std::string code, const std::string& message,
              std::string log = "")
      : std::runtime_error(message),
        code_(std::move(code)),
        log_(std::move(log)) {}

  const std::string& code() const { return code_; }
  const std::string& log() const { return log_; }

 private:
  std::string code_;
  std::string log_;
};

// Throws InternalError with the failed condition, its place and a message.
[[noreturn]] void check_failed(const char* file, int line,
                               const char* condition,
                               const std::string& message);

}  // namespace lathe

// Throws InternalError unless `condition` holds. The other arguments are text
// or integers and are joined to the message:
//   LATHE_CHECK(id < nodes.size(), "no node ", id, " in ", name);
#define LATHE_CHECK(condition, ...)                         \
  do {                                                      \
    if (!(condition)) [[unlikely]] {                        \
      ::lathe::check_failed(__FILE__, __LINE__, #condition, \
                            ::lathe::cat({__VA_ARGS__}));   \
    }                                                       \
  } while (false)
