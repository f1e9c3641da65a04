#pragma once
// The two sides of `lathe inspect`: a checkpoint by itself, and against a
// model.

#include <string>
#include <vector>

#include "runtime/cli/command.h"
#include "runtime/cli/console.h"
#include "runtime/safetensors.h"

namespace lathe {

// "float32[2, 3]", with the file's name of a type that lathe does not have.
std::string type_text(const FileTensor& tensor);

// `inspect PATH --match SPEC` and `--fit`. Throws SpecError where they do not
// fit each other, DeviceError L0702 where memory is short.
int inspect_match(const Command& command, Console& console);

}  // namespace lathe
