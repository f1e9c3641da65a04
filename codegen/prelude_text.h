#pragma once
// The parts of the prelude, as text; see prelude.h.

namespace lathe {

// Shared by CPU and GPU text: number types, and what a bad index reports.
extern const char kPreludeScalars[];
extern const char kPreludeTypes[];
// A vector of narrow integers as one of u32: in general, and for g++ on two
// instruction sets.
extern const char kPreludeWiden[];
extern const char kPreludeWidenAvx2[];
extern const char kPreludeWidenAvx512[];
// Narrow floats to and from bits; then loads and stores, of one element and of
// vectors.
extern const char kPreludeFormats[];
extern const char kPreludeElements[];
extern const char kPreludeVectors[];
// dot_bf16, for targets that have the instruction.
extern const char kPreludeDotBf16[];
extern const char kPreludeDotAvx2[];
extern const char kPreludeDotAvx512[];
extern const char kPreludeDotNeon[];
extern const char kPreludeDots[];
extern const char kPreludeIntegers[];
// Pairs of float8 as bfloat16: in general, and where bytes are looked up.
extern const char kPreludeWidenE4m3[];
extern const char kPreludeWidenE4m3ByTable[];
// The check of data-dependent indices.
extern const char kPreludeChecked[];
// exp, log, tanh and erf in float, by polynomials of at most 2 ulp error.
extern const char kPreludeFloat32[];
// The same in double, and what needs double inside: sin, cos, pow, mod.
extern const char kPreludeFloat64[];
// The names that kernels call, for any type.
extern const char kPreludeFunctions[];

}  // namespace lathe
