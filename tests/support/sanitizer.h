#pragma once
// Whether this is a build for the address sanitizer, which g++ and Clang say
// in different ways. Code runs several times slower there, freed blocks are
// kept, and memory is mapped that is not ours.

#if defined(__SANITIZE_ADDRESS__)
#define LATHE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LATHE_ASAN 1
#endif
#endif

namespace lathe {

#ifdef LATHE_ASAN
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif

}  // namespace lathe
