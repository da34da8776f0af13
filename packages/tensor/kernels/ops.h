#pragma once
#include "half.h"
#include "math.h"
#include "program.h"
#include "random.h"

// One instruction over one tile. Every loop is branch-free, so that the compiler vectorizes it; an output may be one
// of the inputs.

namespace {

template <class Out, class In, class F> INLINE void each(void *out, const void *const *in, int n, F f) {
  Out *y = static_cast<Out *>(out);
  const In *a = static_cast<const In *>(in[0]);
  VECTORIZE for (int i = 0; i < n; i++) y[i] = f(a[i]);
}

template <class Out, class In, class F> INLINE void pairs(void *out, const void *const *in, int n, F f) {
  Out *y = static_cast<Out *>(out);
  const In *a = static_cast<const In *>(in[0]), *b = static_cast<const In *>(in[1]);
  VECTORIZE for (int i = 0; i < n; i++) y[i] = f(a[i], b[i]);
}

// Sine or cosine; a tile that holds a large angle is done again, element by element, for those.
INLINE void sines(void *out, const void *const *in, int n, uint64_t shift) {
  float *y = static_cast<float *>(out);
  const float *a = static_cast<const float *>(in[0]);
  int wide = 0;
  for (int i = 0; i < n; i++) wide |= !(magnitudeOf(a[i]) < wideAngle);
  if (wide) {
    for (int i = 0; i < n; i++) {
      const float x = a[i];
      y[i] = magnitudeOf(x) < wideAngle ? sineIn(quadrantOf(x), shift) : wideSine(x, shift);
    }
  } else {
    VECTORIZE for (int i = 0; i < n; i++) y[i] = sineIn(quadrantOf(a[i]), shift);
  }
}

INLINE float maxOf(float a, float b) { return a > b || a != a ? a : b; }
INLINE int32_t maxOf(int32_t a, int32_t b) { return a > b ? a : b; }

// Truncates towards zero; saturates; NaN gives 0.
INLINE int32_t toInt(float x) {
  const float low = x > -2147483648.0f ? x : -2147483648.0f;
  const float safe = low < 2147483520.0f ? low : 2147483520.0f;
  const int32_t inside = int32_t(safe);
  const int32_t value = x >= 2147483648.0f ? 2147483647 : inside;
  return x == x ? value : 0;
}

INLINE int inputCount(int code) {
  if (code < OP_ADD) return 1;
  if (code < OP_WHERE) return 2;
  return code == OP_WHERE ? 3 : 5;
}

inline void computeFloat(int code, void *out, const void *const *in, int n) {
  switch (code) {
    case OP_NEG: return each<float, float>(out, in, n, [](float x) { return -x; });
    case OP_RECIP: return each<float, float>(out, in, n, [](float x) { return 1.0f / x; });
    case OP_EXP: return each<float, float>(out, in, n, expOf);
    case OP_LOG: return each<float, float>(out, in, n, logOf);
    case OP_SIN: return sines(out, in, n, 0);
    case OP_COS: return sines(out, in, n, 1);
    case OP_SQRT: return each<float, float>(out, in, n, [](float x) { return __builtin_sqrtf(x); });
    case OP_TANH: return each<float, float>(out, in, n, tanhOf);
    case OP_SIGMOID: return each<float, float>(out, in, n, sigmoidOf);
    case OP_ERF: return each<float, float>(out, in, n, erfOf);
    case OP_ATAN: return each<float, float>(out, in, n, atanOf);
    case OP_FLOOR: return each<float, float>(out, in, n, [](float x) { return __builtin_floorf(x); });
    case OP_ABS: return each<float, float>(out, in, n, magnitudeOf);
    case OP_SIGN:
      return each<float, float>(out, in, n, [](float x) { return float(x > 0.0f) - float(x < 0.0f); });
    case OP_TO_INT: return each<int32_t, float>(out, in, n, toInt);
    case OP_TO_BOOL: return each<int32_t, float>(out, in, n, [](float x) { return int32_t(x != 0.0f); });
    case OP_TO_HALF: return each<float, float>(out, in, n, [](float x) { return halfValue(halfOf(x)); });
    case OP_ADD: return pairs<float, float>(out, in, n, [](float a, float b) { return a + b; });
    case OP_MUL: return pairs<float, float>(out, in, n, [](float a, float b) { return a * b; });
    case OP_DIV: return pairs<float, float>(out, in, n, [](float a, float b) { return a / b; });
    case OP_MAX: return pairs<float, float>(out, in, n, [](float a, float b) { return maxOf(a, b); });
    case OP_LT: return pairs<int32_t, float>(out, in, n, [](float a, float b) { return int32_t(a < b); });
    case OP_EQ: return pairs<int32_t, float>(out, in, n, [](float a, float b) { return int32_t(a == b); });
  }
}

// Integers wrap around, so sums and products are of unsigned words.
inline void computeInt(int code, void *out, const void *const *in, int n) {
  typedef uint32_t U;
  switch (code) {
    case OP_NEG_INT: return each<U, U>(out, in, n, [](U x) { return 0u - x; });
    case OP_ABS_INT: return each<U, U>(out, in, n, [](U x) { return int32_t(x) < 0 ? 0u - x : x; });
    case OP_SIGN_INT:
      return each<int32_t, int32_t>(out, in, n, [](int32_t x) { return int32_t(x > 0) - int32_t(x < 0); });
    case OP_TO_FLOAT_INT: return each<float, int32_t>(out, in, n, [](int32_t x) { return float(x); });
    case OP_TO_BOOL_INT: return each<int32_t, int32_t>(out, in, n, [](int32_t x) { return int32_t(x != 0); });
    case OP_TO_BYTE_INT: return each<U, U>(out, in, n, [](U x) { return x & 255u; });
    case OP_UNIFORM_INT:
      return each<float, U>(out, in, n, [](U x) { return float(int32_t(x >> 8)) * 5.9604644775390625e-8f; });
    case OP_ADD_INT: return pairs<U, U>(out, in, n, [](U a, U b) { return a + b; });
    case OP_MUL_INT: return pairs<U, U>(out, in, n, [](U a, U b) { return a * b; });
    case OP_MAX_INT: return pairs<int32_t, int32_t>(out, in, n, [](int32_t a, int32_t b) { return maxOf(a, b); });
    case OP_LT_INT: return pairs<int32_t, int32_t>(out, in, n, [](int32_t a, int32_t b) { return int32_t(a < b); });
    case OP_EQ_INT: return pairs<int32_t, int32_t>(out, in, n, [](int32_t a, int32_t b) { return int32_t(a == b); });
  }
}

inline void compute(int code, void *out, const void *const *in, int n) {
  if (code == OP_WHERE) {
    int32_t *y = static_cast<int32_t *>(out);
    const int32_t *c = static_cast<const int32_t *>(in[0]);
    const int32_t *a = static_cast<const int32_t *>(in[1]), *b = static_cast<const int32_t *>(in[2]);
    VECTORIZE for (int i = 0; i < n; i++) {
      const int32_t yes = a[i], no = b[i];
      y[i] = c[i] != 0 ? yes : no;
    }
  } else if (code == OP_RANDOM_INT) {
    randomTile(static_cast<uint32_t *>(out), reinterpret_cast<const uint32_t *const *>(in), n);
  } else if ((code >= OP_NEG_INT && code <= OP_UNIFORM_INT) || code >= OP_ADD_INT) {
    computeInt(code, out, in, n);
  } else {
    computeFloat(code, out, in, n);
  }
}

}  // namespace
