#pragma once
#include "abi.h"

// What every kernel file uses: sizes, bit casts, memory without a C library, chunks on the pool.

#define INLINE inline __attribute__((always_inline))

// In front of an elementwise loop: operands are either disjoint or exactly the same elements, never shifted.
#if defined(__clang__)
#define VECTORIZE _Pragma("clang loop vectorize(assume_safety) interleave(enable)")
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define VECTORIZE _Pragma("GCC ivdep")
#define UNROLL _Pragma("GCC unroll 16")
#endif

namespace {

typedef ptrdiff_t Index;

template <class T> INLINE T least(T a, T b) { return b < a ? b : a; }
template <class T> INLINE T most(T a, T b) { return a < b ? b : a; }
INLINE int ceilDivide(int a, int b) { return (a + b - 1) / b; }
INLINE Index alignUp(Index bytes) { return (bytes + 63) & ~Index(63); }

INLINE uint32_t bitsOf(float x) { return __builtin_bit_cast(uint32_t, x); }
INLINE float floatOf(uint32_t x) { return __builtin_bit_cast(float, x); }

INLINE void copyBytes(void *to, const void *from, Index bytes) { __builtin_memcpy(to, from, size_t(bytes)); }
INLINE void zeroBytes(void *to, Index bytes) { __builtin_memset(to, 0, size_t(bytes)); }
INLINE void copyFloats(float *to, const float *from, Index count) { copyBytes(to, from, count * 4); }
INLINE void zeroFloats(float *to, Index count) { zeroBytes(to, count * 4); }

// What a group's kernel may touch.
struct Context {
  const uint32_t *table;
  const int32_t *scalars;
  uint8_t *arena;
  uint8_t *workspace;
  Pool *pool;
  int32_t *guard;
  int group;

  template <class T> T *at(int slot, Index offset) const {
    return reinterpret_cast<T *>(arena + size_t(table[slot]) * 64) + offset;
  }
  // The first fault of a submission stays.
  void fail(int fault, int value) const {
    if (guard[0] != FAULT_NONE) return;
    guard[1] = group;
    guard[2] = value;
    guard[0] = fault;
  }
};

// Runs body(chunk, thread) for all chunks; a single chunk never wakes another thread.
template <class Body> void forChunks(const Context &context, int chunks, const Body &body) {
  if (context.pool == nullptr || chunks < 2) {
    for (int chunk = 0; chunk < chunks; chunk++) body(chunk, 0);
    return;
  }
  auto call = [](void *self, int chunk, int thread) { (*static_cast<const Body *>(self))(chunk, thread); };
  parallelFor(context.pool, chunks, call, const_cast<Body *>(&body));
}

// Reads the words of a group in order.
struct Words {
  const int32_t *at;
  int next() { return *at++; }
};

}  // namespace
