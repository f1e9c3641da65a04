#pragma once
// Whether a program that was read from a file can be run without harm: every
// number in it that names something names something that is there.

#include "codegen/program.h"

namespace lathe {

// Throws PackDamage.
void check_program(const Program& program);

}  // namespace lathe
