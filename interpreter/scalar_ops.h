#pragma once
// The meaning of the scalar functions of scalar_ops.def: on double (floats of
// any width), int64 and bool values, over arrays of lanes. The reference
// engine and constant folding use them; kernels must agree with them.

#include <cstdint>
#include <variant>
#include <vector>

#include "interpreter/expr.h"

namespace lathe {

// out[i] = op(a[i], b[i]) for i < n; b is null for functions of one argument.
using FloatLanes = void (*)(int n, const double* a, const double* b,
                            double* out);
using IntLanes = void (*)(int n, const int64_t* a, const int64_t* b,
                          int64_t* out);
using BoolLanes = void (*)(int n, const uint8_t* a, const uint8_t* b,
                           uint8_t* out);
using FloatTests = void (*)(int n, const double* a, const double* b,
                            uint8_t* out);
using IntFloats = void (*)(int n, const int64_t* a, const int64_t* b,
                           double* out);
using IntTests = void (*)(int n, const int64_t* a, const int64_t* b,
                          uint8_t* out);

// The forms in which a function exists; null where it does not.
struct ScalarFunction {
  FloatLanes floats = nullptr;
  IntLanes ints = nullptr;
  BoolLanes bools = nullptr;  // logic and comparisons of bools
  FloatTests float_tests = nullptr;
  IntTests int_tests = nullptr;
  IntFloats int_floats = nullptr;  // floats out of integers' bits
};

// kSelect has no lane form: the evaluator decides which side runs.
const ScalarFunction& scalar_function(ScalarOp op);

// The function that combines two terms of a reduction; of the arg forms, the
// one that gives the better term.
const ScalarFunction& combiner(ReduceOp op);

// What a reduction of no terms gives. Requires: T is double or int64_t.
template <typename T>
T neutral(ReduceOp op);

using Number = std::variant<bool, int64_t, double>;

// op(args) for plain numbers that all have the type `type` (of kSelect: the
// last two).
Number apply_scalar(ScalarOp op, NumType type, const std::vector<Number>& args);

// Conversion between the kinds of number; floats truncate towards zero.
double as_double(const Number& number);
int64_t as_int(const Number& number);
bool as_bool(const Number& number);

// A float as an integer: truncated, the lowest int64 for NaN and beyond it.
int64_t truncate_to_int(double value);

}  // namespace lathe
