#pragma once
// Loops that gain from wider vectors than every machine of its kind has: they
// are compiled twice, and the machine that runs decides. Both give the same
// bits: AVX2 brings no multiply-add, which would round once where a
// multiplication and an addition round twice.

namespace lathe {

#if defined(__x86_64__)
template <typename Loop>
__attribute__((target("avx2"), flatten)) void run_with_avx2(const Loop& loop) {
  loop();
}
#endif

// Calls `loop`, whose text and all that it calls is inlined here.
template <typename Loop>
__attribute__((flatten)) void in_wide_vectors(const Loop& loop) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return run_with_avx2(loop);
#endif
  loop();
}

}  // namespace lathe
