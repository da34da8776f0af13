#pragma once
#include "base.h"

// The vector of each instruction set, for the contraction kernels alone: elementwise code is left to the compiler.
// MICRO_ROWS is how many rows of two vectors fit the registers as accumulators.

#if defined(__AVX512F__)
#include <immintrin.h>
namespace {
typedef __m512 Vector;
enum { VECTOR = 16, MICRO_ROWS = 14 };
INLINE Vector load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void store(float *p, Vector v) { _mm512_storeu_ps(p, v); }
INLINE Vector splat(const float *p) { return _mm512_set1_ps(*p); }
INLINE Vector multiplyAdd(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
INLINE Vector zeroVector() { return _mm512_setzero_ps(); }
INLINE Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
INLINE Vector subtract(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
INLINE Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
#define HAS_MASKS
INLINE __mmask16 firstLanes(int n) { return __mmask16((1u << n) - 1); }
INLINE Vector loadFirst(const float *p, int n) { return _mm512_maskz_loadu_ps(firstLanes(n), p); }
INLINE void storeFirst(float *p, Vector v, int n) { _mm512_mask_storeu_ps(p, firstLanes(n), v); }
}  // namespace
#elif defined(__AVX2__)
#include <immintrin.h>
namespace {
typedef __m256 Vector;
enum { VECTOR = 8, MICRO_ROWS = 6 };
INLINE Vector load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void store(float *p, Vector v) { _mm256_storeu_ps(p, v); }
INLINE Vector splat(const float *p) { return _mm256_broadcast_ss(p); }
INLINE Vector multiplyAdd(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
INLINE Vector zeroVector() { return _mm256_setzero_ps(); }
INLINE Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
INLINE Vector subtract(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
INLINE Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
#define HAS_MASKS
INLINE __m256i firstLanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE Vector loadFirst(const float *p, int n) { return _mm256_maskload_ps(p, firstLanes(n)); }
INLINE void storeFirst(float *p, Vector v, int n) { _mm256_maskstore_ps(p, firstLanes(n), v); }
}  // namespace
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
namespace {
typedef v128_t Vector;
enum { VECTOR = 4, MICRO_ROWS = 4 };
INLINE Vector load(const float *p) { return wasm_v128_load(p); }
INLINE void store(float *p, Vector v) { wasm_v128_store(p, v); }
INLINE Vector splat(const float *p) { return wasm_v128_load32_splat(p); }
INLINE Vector zeroVector() { return wasm_f32x4_splat(0.0f); }
INLINE Vector add(Vector a, Vector b) { return wasm_f32x4_add(a, b); }
INLINE Vector subtract(Vector a, Vector b) { return wasm_f32x4_sub(a, b); }
INLINE Vector multiply(Vector a, Vector b) { return wasm_f32x4_mul(a, b); }
#if defined(FAI_RELAXED)
INLINE Vector multiplyAdd(Vector a, Vector b, Vector c) {
  return wasm_f32x4_relaxed_madd(a, b, c);
}
#else
INLINE Vector multiplyAdd(Vector a, Vector b, Vector c) { return wasm_f32x4_add(wasm_f32x4_mul(a, b), c); }
#endif
}  // namespace
#elif defined(__aarch64__)
#include <arm_neon.h>
namespace {
typedef float32x4_t Vector;
enum { VECTOR = 4, MICRO_ROWS = 12 };
INLINE Vector load(const float *p) { return vld1q_f32(p); }
INLINE void store(float *p, Vector v) { vst1q_f32(p, v); }
INLINE Vector splat(const float *p) { return vld1q_dup_f32(p); }
INLINE Vector multiplyAdd(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
INLINE Vector zeroVector() { return vdupq_n_f32(0.0f); }
INLINE Vector add(Vector a, Vector b) { return vaddq_f32(a, b); }
INLINE Vector subtract(Vector a, Vector b) { return vsubq_f32(a, b); }
INLINE Vector multiply(Vector a, Vector b) { return vmulq_f32(a, b); }
}  // namespace
#else
// Any machine with 128-bit vectors, through the compiler's own vector types.
namespace {
typedef float Vector __attribute__((vector_size(16), aligned(4), may_alias));
enum { VECTOR = 4, MICRO_ROWS = 6 };
INLINE Vector load(const float *p) { return *reinterpret_cast<const Vector *>(p); }
INLINE void store(float *p, Vector v) { *reinterpret_cast<Vector *>(p) = v; }
INLINE Vector splat(const float *p) { return Vector{*p, *p, *p, *p}; }
INLINE Vector multiplyAdd(Vector a, Vector b, Vector c) { return a * b + c; }
INLINE Vector zeroVector() { return Vector{0, 0, 0, 0}; }
INLINE Vector add(Vector a, Vector b) { return a + b; }
INLINE Vector subtract(Vector a, Vector b) { return a - b; }
INLINE Vector multiply(Vector a, Vector b) { return a * b; }
}  // namespace
#endif

namespace {

// The first n lanes, 1 to VECTOR of them; the others are read as zero and not written.
#if !defined(HAS_MASKS)
INLINE Vector loadFirst(const float *p, int n) {
  if (n == VECTOR) return load(p);
  float lanes[VECTOR] = {};
  for (int i = 0; i < n; i++) lanes[i] = p[i];
  return load(lanes);
}
INLINE void storeFirst(float *p, Vector v, int n) {
  if (n == VECTOR) return store(p, v);
  float lanes[VECTOR];
  store(lanes, v);
  for (int i = 0; i < n; i++) p[i] = lanes[i];
}
#endif

// Four floats, the unit of transposing on every machine.
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
INLINE Four loadFour(const float *p) { return *reinterpret_cast<const Four *>(p); }
INLINE void storeFour(float *p, Four v) { *reinterpret_cast<Four *>(p) = v; }

// to[r][c] = from[c][r] for a block of 4 by 4.
INLINE void transposeFour(float *to, Index toPitch, const float *from, Index fromPitch) {
  const Four a = loadFour(from), b = loadFour(from + fromPitch);
  const Four c = loadFour(from + 2 * fromPitch), d = loadFour(from + 3 * fromPitch);
  const Four ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  storeFour(to, __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5));
  storeFour(to + toPitch, __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7));
  storeFour(to + 2 * toPitch, __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5));
  storeFour(to + 3 * toPitch, __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7));
}

}  // namespace
