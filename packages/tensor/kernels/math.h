#pragma once
#include "base.h"

// Branch-free elementary functions of one float, for loops that the compiler vectorizes. Only +, -, *, / and bit
// operations: every instruction set gives the same bits. Errors are about 1 unit in the last
// place, 2.3 for the sigmoid.

namespace {

INLINE float select(bool condition, float a, float b) { return condition ? a : b; }
INLINE float withSign(float magnitude, float sign) {
  return floatOf((bitsOf(magnitude) & 0x7fffffffu) | (bitsOf(sign) & 0x80000000u));
}
INLINE float magnitudeOf(float x) { return floatOf(bitsOf(x) & 0x7fffffffu); }

// 2^n for n in [-126, 127].
INLINE float powerOfTwo(int32_t n) { return floatOf(uint32_t(n + 127) << 23); }

// exp(x) = 2^n exp(r), |r| <= ln(2)/2; 1.5 * 2^23 rounds to the nearest n. Two factors reach denormals and infinity.
INLINE float expOf(float x) {
  x = select(x > 89.0f, 89.0f, x);
  x = select(x < -104.0f, -104.0f, x);
  const float shifted = x * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * (r * r) + r) + 1.0f;
  const int32_t k = int32_t(bitsOf(shifted) - 0x4b400000u);
  const int32_t half = k >> 1;
  return p * powerOfTwo(half) * powerOfTwo(k - half);
}

// log(x) = e ln(2) + log(m), m in [sqrt(1/2), sqrt(2)); coefficients as in FreeBSD's logf.
INLINE float logOf(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const uint32_t bits = bitsOf(select(tiny, x * 8388608.0f, x)) + (0x3f800000u - 0x3f3504f3u);
  const float e = float(int32_t(bits >> 23) - 127) - select(tiny, 23.0f, 0.0f);
  const float f = floatOf((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  const float s = f / (2.0f + f);
  const float z = s * s;
  const float w = z * z;
  const float r = z * (0.66666662693f + w * 0.28498786688f) + w * (0.40000972152f + w * 0.24279078841f);
  const float h = 0.5f * f * f;
  float y = ((s * (h + r) + e * 9.0580006145e-6f) - h) + f + e * 0.69313812256f;
  y = select(x == 0.0f, -__builtin_inff(), y);
  y = select(x < 0.0f, __builtin_nanf(""), y);
  return select(x < __builtin_inff(), y, x);
}

INLINE float sigmoidOf(float x) { return 1.0f / (1.0f + expOf(-x)); }

// Near zero an odd polynomial (Cephes), else 1 - 2 / (exp(2x) + 1).
INLINE float tanhOf(float x) {
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * z * x + x;
  const float a = magnitudeOf(x);
  const float large = withSign(1.0f - 2.0f / (expOf(a + a) + 1.0f), x);
  return select(a < 0.625f, small, large) + select(x == x, 0.0f, x);
}

// Two polynomials, as published by N. Juffa: near zero odd in x, else 1 - exp(q(|x|)).
INLINE float erfOf(float x) {
  const float t = magnitudeOf(x);
  const float s = x * x;
  float q = -1.72853470e-5f * t + 3.83197126e-4f;
  const float u = -3.88396438e-3f * t + 2.42546219e-2f;
  q = q * s + u;
  q = q * t - 1.06777877e-1f;
  q = q * t - 6.34846687e-1f;
  q = q * t - 1.28717512e-1f;
  q = q * t - t;
  const float large = select(t > 4.0f, 1.0f, 1.0f - expOf(q));
  float p = -5.96761703e-4f;
  p = p * s + 4.99119423e-3f;
  p = p * s - 2.67681349e-2f;
  p = p * s + 1.12819925e-1f;
  p = p * s - 3.76125336e-1f;
  p = p * s + 1.28379166e-1f;
  const float small = p * x + x;
  return select(x == x, select(t > 0.927734375f, withSign(large, x), small), x);
}

// atan on [0, 1] by a polynomial (Abramowitz and Stegun 4.4.49); beyond, pi/2 - atan(1/x).
INLINE float atanOf(float x) {
  const float a = magnitudeOf(x);
  const bool big = a > 1.0f;
  const float t = select(big, 1.0f / a, a);
  const float s = t * t;
  float p = 2.8662257e-3f;
  p = p * s - 1.61657367e-2f;
  p = p * s + 4.29096138e-2f;
  p = p * s - 7.52896400e-2f;
  p = p * s + 1.065626393e-1f;
  p = p * s - 1.420889944e-1f;
  p = p * s + 1.999355085e-1f;
  p = p * s - 3.333314528e-1f;
  const float y = p * s * t + t;
  return withSign(select(big, 1.57079637f - y, y), x);
}

// A quadrant and the sine and cosine within it, in doubles: x = n pi/2 + r. Good for |x| < 1e6.
struct Quadrant {
  uint64_t n;
  double r;
};

INLINE Quadrant quadrantOf(float x) {
  const double shifted = double(x) * 0.63661977236758134 + 6755399441055744.0;
  const double n = shifted - 6755399441055744.0;
  const double r = (double(x) - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11;
  return {__builtin_bit_cast(uint64_t, shifted), r};
}

// Sine of quadrant n + shift (shift 1 gives the cosine); coefficients as in FreeBSD's k_sinf and k_cosf.
INLINE float sineIn(Quadrant q, uint64_t shift) {
  const double z = q.r * q.r;
  const double w = z * z;
  const double s = q.r + q.r * z * ((-0.16666666641626524 + z * 0.008333329385889463) +
                                    w * (-0.00019839334836096632 + z * 2.718311493989822e-6));
  const double c = ((1.0 + z * -0.499999997251031) + w * 0.04166662332373906) +
                   (w * z) * (-0.001388676377460993 + z * 2.439044879627741e-5);
  const uint64_t n = q.n + shift;
  const double y = (n & 1) != 0 ? c : s;
  return float(__builtin_bit_cast(double, __builtin_bit_cast(uint64_t, y) ^ ((n & 2) << 62)));
}

INLINE float sinOf(float x) { return sineIn(quadrantOf(x), 0); }
INLINE float cosOf(float x) { return sineIn(quadrantOf(x), 1); }

// From here on quadrantOf loses bits and wideSine takes over.
const float wideAngle = 1e6f;

// Sine (shift 0) or cosine (shift 1) of a large argument: the product of its 24 bits with the 96 bits of 1/(2 pi)
// that matter at its magnitude (Payne and Hanek).
inline float wideSine(float x, uint64_t shift) {
  static const uint32_t inverse[] = {0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u, 0x36d8a566u, 0x4f10e410u};
  if (!(magnitudeOf(x) < __builtin_inff())) return x - x;
  const uint32_t bits = bitsOf(x);
  const uint32_t mantissa = (bits & 0x007fffffu) << 8 | 0x80000000u;
  const uint32_t exponent = ((bits >> 23) & 0xffu) - 126u;
  const uint32_t i = exponent >> 5;
  const uint32_t e = exponent & 31u;
  uint32_t high = i > 0 ? inverse[i - 1] : 0, middle = inverse[i], low = inverse[i + 1];
  if (e > 0) {
    high = high << e | middle >> (32 - e);
    middle = middle << e | low >> (32 - e);
    low = low << e | inverse[i + 2] >> (32 - e);
  }
  uint64_t p = uint64_t(mantissa) * low >> 32;
  p += uint64_t(mantissa) * middle;
  p += uint64_t(mantissa * high) << 32;
  uint64_t n = p >> 62;
  p &= 0x3fffffffffffffffu;
  if (p & 0x2000000000000000u) {
    p -= 0x4000000000000000u;
    n++;
  }
  const double r = double(int64_t(p)) * (1.5707963267948966 / 4611686018427387904.0);
  return x < 0 ? sineIn({uint64_t(0) - n, -r}, shift) : sineIn({n, r}, shift);
}

}  // namespace
