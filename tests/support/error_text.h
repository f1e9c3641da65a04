// What a piece of code says when it fails, as text to compare.
#pragma once

#include <string>

#include "spec/check.h"
#include "spec/diagnostic.h"

namespace lathe {

// The rendered messages of the SpecError that `run` throws, "CODE: message" of
// a DeviceError, or "no error".
template <typename Run>
std::string error_of(Run run) {
  try {
    run();
  } catch (const SpecError& error) {
    return render(error.diagnostics());
  } catch (const DeviceError& error) {
    return error.code() + ": " + error.what() + "\n";
  }
  return "no error";
}

}  // namespace lathe
