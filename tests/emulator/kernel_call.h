#pragma once
// Calls a generated kernel whose parameters are known only as numbers. All of
// them are pointers and 8-byte integers, which calls of our machines pass
// alike; those that a kernel does not have are passed and ignored.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace lathe {

inline constexpr size_t kMostParameters = 256;
using KernelParameters = std::array<uint64_t, kMostParameters>;

// Clang's sanitizer would hold the further parameters against us.
#ifdef __clang__
#define LATHE_ANY_FUNCTION __attribute__((no_sanitize("function")))
#else
#define LATHE_ANY_FUNCTION
#endif

template <size_t... I>
LATHE_ANY_FUNCTION void call_kernel(void* code, const KernelParameters& values,
                                    std::index_sequence<I...>) {
  using Function = void (*)(decltype(uint64_t{I})...);
  reinterpret_cast<Function>(code)(values[I]...);
}
inline void call_kernel(void* code, const KernelParameters& values) {
  call_kernel(code, values, std::make_index_sequence<kMostParameters>());
}

}  // namespace lathe
