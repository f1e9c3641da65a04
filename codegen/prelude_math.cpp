// Functions of floats, by polynomials that the compiler can vectorise. T is a
// float type or a vector of one; specials (infinities, NaN, subnormals) come
// out as in the C library. Sources: Cody and Waite for the reductions, Cephes
// for log and tanh of floats, Juffa for erf of floats; Taylor series in double.

#include "codegen/prelude_text.h"

namespace lathe {

const char kPreludeFloat32[] = R"(
template <class T> INLINE T clamp_to(T x, typename Of<T>::One lo, typename Of<T>::One hi) {
  x = x < lo ? splat<T>(lo) : x;
  return x > hi ? splat<T>(hi) : x;
}
template <class T> INLINE T magnitude(T x) {
  typedef typename Of<T>::Int I;
  constexpr int top = is_single<T> ? 31 : 63;
  I mask = (I)~((typename Of<T>::Bits{} + 1) << top);
  return from_bits<T>(bits(x) & mask);
}
template <class T> INLINE T with_sign_of(T x, T sign) {
  typedef typename Of<T>::Int I;
  constexpr int top = is_single<T> ? 31 : 63;
  I mask = (I)((typename Of<T>::Bits{} + 1) << top);
  return from_bits<T>((bits(x) & ~mask) | (bits(sign) & mask));
}

// exp(x) = 2^n exp(r), |r| <= ln2 / 2; 2^n in two factors, so that the result
// may be subnormal.
template <class T> INLINE T exp_single(T x) {
  typedef typename Of<T>::Int I;
  T c = clamp_to(x, -104.0f, 89.0f);
  T z = c * 1.44269504f + 12582912.0f, n = z - 12582912.0f;
  T r = c - n * 0.693145752f;
  r = r - n * 1.42860677e-6f;
  T p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * (r * r) + r + 1.0f;
  I k = bits(z) - 0x4B400000, k1 = k >> 1, k2 = k - k1;
  p = p * from_bits<T>((k1 + 127) << 23) * from_bits<T>((k2 + 127) << 23);
  return x != x ? x : p;
}
// log(2^e (1 + m)) with 1 + m in [sqrt(1/2), sqrt(2)).
template <class T> INLINE T log_single(T x) {
  typedef typename Of<T>::Int I;
  I small = (I)(x < 1.17549435e-38f ? I{} + 1 : I{});
  T y = x < 1.17549435e-38f ? x * 8388608.0f : x;
  I b = bits(y), e = (b - 0x3f3504f3) >> 23;
  T m = from_bits<T>(b - (e << 23)) - 1.0f;
  I k = e - small * 23;
  T f;
  if constexpr (is_vector<T>) f = __builtin_convertvector(k, T); else f = (T)k;
  T p = m * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  T z = m * m;
  p = p * m * z + f * -2.12194440e-4f - 0.5f * z;
  T out = m + p + f * 0.693359375f;
  out = x == __builtin_inff() ? x : out;
  out = x == 0.0f ? splat<T>(-__builtin_inff()) : out;
  return (x < 0.0f) | (x != x) ? splat<T>(__builtin_nanf("")) : out;
}
template <class T> INLINE T tanh_single(T x) {
  T a = magnitude(x), s = x * x;
  T p = s * -5.70498872745e-3f + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  p = p * s * x + x;
  T q = 1.0f - 2.0f / (exp_single((T)(a + a)) + 1.0f);
  return with_sign_of(a < 0.625f ? p : q, x);
}
template <class T> INLINE T erf_single(T x) {
  T a = magnitude(x), s = x * x;
  T u = a * -1.72853470e-5f + 3.83197126e-4f;
  T v = a * -3.88396438e-3f + 2.42546219e-2f;
  T q = u * s + v;
  q = q * a - 1.06777877e-1f;
  q = q * a - 6.34846687e-1f;
  q = q * a - 1.28717512e-1f;
  q = q * a - a;
  q = with_sign_of((T)(1.0f - exp_single(q)), x);
  T p = s * -5.96761703e-4f + 4.99119423e-3f;
  p = p * s - 2.67681349e-2f;
  p = p * s + 1.12819925e-1f;
  p = p * s - 3.76125336e-1f;
  p = p * s + 1.28379166e-1f;
  p = p * x + x;
  q = a > 4.0f ? with_sign_of(splat<T>(1.0f), x) : q;
  return a > 0.921875f ? q : p;
}
)";

const char kPreludeFloat64[] = R"(
template <class T> INLINE T exp_double(T x) {
  typedef typename Of<T>::Int I;
  T c = clamp_to(x, -746.0, 710.0);
  T z = c * 1.4426950408889634 + 6755399441055744.0, n = z - 6755399441055744.0;
  T r = c - n * 6.93147180369123816490e-01;
  r = r - n * 1.90821492927058770002e-10;
  T p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  I k = bits(z) - 0x4338000000000000, k1 = k >> 1, k2 = k - k1;
  p = p * from_bits<T>((k1 + 1023) << 52) * from_bits<T>((k2 + 1023) << 52);
  return x != x ? x : p;
}
INLINE f64 log_double(f64 x) {
  f64 y = x < 2.2250738585072014e-308 ? x * 4503599627370496.0 : x;
  i64 b = bits(y), e = (b - 0x3fe6a09e667f3bcd) >> 52;
  f64 m = from_bits<f64>(b - (e << 52)) - 1.0;
  f64 k = (f64)(e - (x < 2.2250738585072014e-308 ? 52 : 0));
  f64 s = m / (2.0 + m), t = s * s;
  f64 p = t * (1.0 / 23) + 1.0 / 21;
  p = p * t + 1.0 / 19;
  p = p * t + 1.0 / 17;
  p = p * t + 1.0 / 15;
  p = p * t + 1.0 / 13;
  p = p * t + 1.0 / 11;
  p = p * t + 1.0 / 9;
  p = p * t + 1.0 / 7;
  p = p * t + 1.0 / 5;
  p = p * t + 1.0 / 3;
  f64 h = 0.5 * m * m;
  f64 out = k * 6.93147180369123816490e-01 -
            ((h - (s * (h + 2.0 * t * p) + k * 1.90821492927058770002e-10)) - m);
  out = x == __builtin_inf() ? x : out;
  out = x == 0.0 ? -__builtin_inf() : out;
  return x < 0.0 || x != x ? __builtin_nan("") : out;
}
INLINE f64 tanh_double(f64 x) {
  f64 a = magnitude(x), y = a + a, term = y, sum = y;
  if (a < 0.35) {
    for (int i = 2; i < 18; ++i) { term *= y / i; sum += term; }
    return with_sign_of(sum / (sum + 2.0), x);
  }
  return with_sign_of(1.0 - 2.0 / (exp_double(y) + 1.0), x);
}
// Series of positive terms below 3, continued fraction above.
INLINE f64 erf_double(f64 x) {
  f64 a = magnitude(x);
  if (x != x) return x;
  if (a > 6.0) return with_sign_of(1.0, x);
  f64 e = exp_double(-a * a);
  if (a < 3.0) {
    f64 term = 1.0, sum = 1.0;
    for (int n = 1; n < 80; ++n) { term *= 2.0 * a * a / (2 * n + 1); sum += term; }
    return x * 1.1283791670955126 * e * sum;
  }
  f64 f = a;
  for (int n = 40; n > 0; --n) f = a + 0.5 * n / f;
  return with_sign_of(1.0 - e * 0.5641895835477563 / f, x);
}
// sin(x + quarter * pi / 2), reduced by pi / 2 in three parts.
INLINE f64 sin_double(f64 x, i64 quarter) {
  f64 z = x * 0.6366197723675814 + 6755399441055744.0, n = z - 6755399441055744.0;
  f64 r = x - n * 1.57079632673412561417e+00;
  r = r - n * 6.07710050630396597660e-11;
  r = r - n * 2.02226624879595063154e-21;
  i64 q = (bits(z) + quarter) & 3;
  f64 s = r * r;
  f64 a = s * (1.0 / 355687428096000.0) - 1.0 / 1307674368000.0;
  a = a * s + 1.0 / 6227020800.0;
  a = a * s - 1.0 / 39916800.0;
  a = a * s + 1.0 / 362880.0;
  a = a * s - 1.0 / 5040.0;
  a = a * s + 1.0 / 120.0;
  a = a * s - 1.0 / 6.0;
  a = s == 0.0 ? r : a * s * r + r;  // keeps the sign of zero
  f64 b = s * (-1.0 / 6402373705728000.0) + 1.0 / 20922789888000.0;
  b = b * s - 1.0 / 87178291200.0;
  b = b * s + 1.0 / 479001600.0;
  b = b * s - 1.0 / 3628800.0;
  b = b * s + 1.0 / 40320.0;
  b = b * s - 1.0 / 720.0;
  b = b * s + 1.0 / 24.0;
  b = b * s - 0.5;
  b = b * s + 1.0;
  f64 out = q & 1 ? b : a;
  return q & 2 ? -out : out;
}
INLINE f64 pow_double(f64 x, f64 y) {
  if (y == 0.0 || x == 1.0) return 1.0;
  if (x != x || y != y) return __builtin_nan("");
  f64 a = magnitude(x), n = magnitude(y);
  if (n == __builtin_inf()) return a == 1.0 ? 1.0 : (a > 1.0) == (y > 0.0) ? n : 0.0;
  bool whole = n >= 0x1p53 || (f64)(i64)n == n;
  bool odd = n < 0x1p53 && whole && ((i64)n & 1);
  if (n <= 64.0 && whole && a != 0.0 && a != __builtin_inf()) {
    f64 out = 1.0, factor = a;
    for (i64 k = (i64)n; k; k >>= 1, factor *= factor) out *= k & 1 ? factor : 1.0;
    out = y < 0.0 ? 1.0 / out : out;
    if (out != 0.0 && out != __builtin_inf()) return odd && x < 0.0 ? -out : out;
  }
  if (x < 0.0 && !whole) return a == __builtin_inf() ? (y > 0.0 ? a : 0.0) : __builtin_nan("");
  f64 out = exp_double(y * log_double(a));
  return odd ? with_sign_of(out, x) : out;
}
)";

const char kPreludeFunctions[] = R"(
template <class T> INLINE T exp_(T x) {
  if constexpr (is_single<T>) return exp_single(x); else return exp_double(x);
}
template <class T> INLINE T log_(T x) {
  if constexpr (is_single<T>) return log_single(x);
  else if constexpr (is_vector<T>) return each_lane(x, [](f64 v) { return log_double(v); });
  else return log_double(x);
}
template <class T> INLINE T log1p_(T x) {
  constexpr typename Of<T>::One one = 1, large = 1e8;
  T u = x + one, l = log_(u), fixed = l + (x - (u - one)) / u;
  l = (u <= 0 * one) | (x > large) ? l : fixed;
  return x == 0 * one ? x : l;
}
template <class T> INLINE T sqrt_(T x) {
  if constexpr (is_vector<T>) return each_lane(x, [](auto v) { return sqrt_(v); });
  else if constexpr (is_single<T>) return __builtin_sqrtf(x);
  else return __builtin_sqrt(x);
}
template <class T> INLINE T rsqrt_(T x) { return (typename Of<T>::One)1 / sqrt_(x); }
template <class T> INLINE T sin_(T x) {
  if constexpr (is_vector<T>) return each_lane(x, [](auto v) { return sin_(v); });
  else return (T)sin_double(x, 0);
}
template <class T> INLINE T cos_(T x) {
  if constexpr (is_vector<T>) return each_lane(x, [](auto v) { return cos_(v); });
  else return (T)sin_double(x, 1);
}
template <class T> INLINE T tanh_(T x) {
  if constexpr (is_single<T>) return tanh_single(x);
  else if constexpr (is_vector<T>) return each_lane(x, [](f64 v) { return tanh_double(v); });
  else return tanh_double(x);
}
template <class T> INLINE T erf_(T x) {
  if constexpr (is_single<T>) return erf_single(x);
  else if constexpr (is_vector<T>) return each_lane(x, [](f64 v) { return erf_double(v); });
  else return erf_double(x);
}
template <class T> INLINE T sigmoid_(T x) {
  constexpr typename Of<T>::One one = 1;
  T e = exp_((T)-magnitude(x));
  return (x < 0 * one ? e : splat<T>(one)) / (one + e);
}
template <class T> INLINE T abs_(T x) { return magnitude(x); }
INLINE i64 abs_(i64 x) { return x < 0 ? (i64)(0 - (u64)x) : x; }
// Half to even: adding 2^23 (2^52) leaves no bits for the fraction.
template <class T> INLINE T round_(T x) {
  constexpr typename Of<T>::One big = is_single<T> ? 8388608.0 : 4503599627370496.0;
  T a = magnitude(x), r = (a + big) - big;
  return a < big ? with_sign_of(r, x) : x;
}
template <class T> INLINE T floor_(T x) {
  T r = round_(x);
  return r > x ? r - (typename Of<T>::One)1 : r;
}
template <class T> INLINE T ceil_(T x) {
  T r = round_(x);
  return r < x ? with_sign_of((T)(r + (typename Of<T>::One)1), x) : r;
}
template <class T> INLINE T trunc_(T x) { return with_sign_of(floor_(magnitude(x)), x); }
template <class T> INLINE T pow_(T x, T y) {
  if constexpr (is_vector<T>) return each_lane(x, y, [](auto a, auto b) { return pow_(a, b); });
  else return (T)pow_double(x, y);
}
INLINE i64 pow_(i64 x, i64 y) { return pow_int(x, y); }
// x - y * trunc(x / y) without any rounding, as fmod: multiples of y by powers
// of two are taken away, each at least half of what is left.
INLINE f64 exact_rest(f64 x, f64 y) {
  f64 r = magnitude(x), b = magnitude(y), s = b;
  if (!(r < __builtin_inf()) || !(b > 0.0)) return __builtin_nan("");
  if (b < __builtin_inf()) {
    while (s + s <= r) s += s;
    for (; s >= b; s *= 0.5) r = r >= s ? r - s : r;
  }
  return with_sign_of(r, x);
}
template <class T> INLINE T floor_mod(T x, T y) {
  if constexpr (is_vector<T>) {
    return each_lane(x, y, [](auto a, auto b) { return floor_mod(a, b); });
  } else {
    f64 r = exact_rest(x, y);
    return (T)(r != 0 && (r < 0) != (y < 0) ? r + y : r);
  }
}
// Whole by the remainder, since x / y may round up to the next integer.
template <class T> INLINE T floor_div(T x, T y) {
  if constexpr (is_vector<T>) {
    return each_lane(x, y, [](auto a, auto b) { return floor_div(a, b); });
  } else {
    if (y == 0) return x / y;
    f64 r = exact_rest(x, y), q = ((f64)x - r) / y;
    if (r != 0 && (r < 0) != (y < 0)) q -= 1.0;
    return q == 0.0 ? with_sign_of((T)0, (T)(x / y)) : (T)round_(q);
  }
}
template <class T> INLINE T min_(T a, T b) { return (a < b) | (a != a) ? a : b; }
template <class T> INLINE T max_(T a, T b) { return (a > b) | (a != a) ? a : b; }
// Of a number that an i32 can hold, or NaN; vectors of floats have no other.
INLINE i32 to_int32(f32 x) { return x == x ? (i32)x : 0; }
template <class T> INLINE auto is_nan(T x) { return x != x; }
template <class T> INLINE auto is_inf(T x) { return magnitude(x) == splat<T>((typename Of<T>::One)__builtin_inff()); }
)";

}  // namespace lathe
