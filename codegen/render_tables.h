#pragma once
// How scalar functions, element types and variables are spelled in C++ text.

#include <string>

#include "interpreter/expr.h"

namespace lathe::cpu {

// An operator between two arguments, or a function of the prelude.
struct Spelling {
  const char* infix = nullptr;   // " + "
  const char* prefix = nullptr;  // "-"
  const char* function = nullptr;
  int strength = 0;  // of the operator, as in C++; functions bind closest
};
Spelling spelling_of(ScalarOp op, NumType arg_type, bool vector);

// "f32", "i64", "bool", "f32v".
std::string type_name(NumType type, int lanes);
// The C++ type that stores the dtype: "u16" for bfloat16.
const char* storage_name(DType dtype);
// The suffix of the functions that load, store and round a dtype: "bf16".
const char* format_name(DType dtype);

std::string float_text(double value, NumType type);

// A size in terms of the kernel's dim arguments.
std::string dim_text(const Dim& dim);

}  // namespace lathe::cpu
