#pragma once
#include "base.h"

// IEEE halves in software, branch-free: the same bits on every instruction set.

namespace {

// The half nearest to x, ties to even; infinite from 65520 on; NaN is 0x7e00.
INLINE uint32_t halfOf(float x) {
  const uint32_t bits = bitsOf(x), size = bits & 0x7fffffffu;
  const uint32_t normal = (size + 0xfffu + ((size >> 13) & 1u) - 0x38000000u) >> 13;
  // From 0.5 to 1 floats are as far apart as halves below 2^-14.
  const uint32_t small = bitsOf(floatOf(size) + 0.5f) - 0x3f000000u;
  uint32_t half = size < 0x38800000u ? small : normal;
  half = half > 0x7c00u ? 0x7c00u : half;
  half = size > 0x7f800000u ? 0x7e00u : half;
  return half | ((bits >> 16) & 0x8000u);
}

// The number of a half.
INLINE float halfValue(uint32_t half) {
  const uint32_t size = half & 0x7fffu;
  const uint32_t normal = (size << 13) + (size >= 0x7c00u ? 0x70000000u : 0x38000000u);
  const uint32_t small = bitsOf(float(int32_t(size)) * 5.9604644775390625e-8f);
  return floatOf((size < 0x400u ? small : normal) | ((half & 0x8000u) << 16));
}

// A half in memory, for loops over elements of any type: it reads and writes as the bits of a float.
struct Half {
  uint16_t bits;
  explicit INLINE Half(int32_t word) : bits(uint16_t(halfOf(floatOf(uint32_t(word))))) {}
  INLINE operator int32_t() const { return int32_t(bitsOf(halfValue(bits))); }
};

}  // namespace
