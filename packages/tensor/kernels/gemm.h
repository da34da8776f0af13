#pragma once
#include "micro.h"

// Blocked matrix product over the micro-kernel. A Source says where the operands come from:
//   float *row(m)                          where row m of C starts
//   Index columnStride                     distance of C's columns
//   packRows(to, m, rows, k, count)        rows m.. of A, inner indices k.., as [rows][ROW_PITCH]
//   const float *columns(space, n, width, k, count, &step)
//                                          columns n.. of B as [count] rows of `width`, step floats apart, in place or
//                                          copied to space; width is microWidth of the columns, the rest are zeros
// Everything is a function of the shape, so results do not depend on the number of threads.

namespace {

enum {
  INNER_BLOCK = 256,
  ROW_PITCH = INNER_BLOCK + 16,  // no power of two: rows must not fall into one set of the cache
#if defined(__AVX512F__)
  ROW_BLOCK = 168,
#elif defined(__AVX2__)
  ROW_BLOCK = 144,
#else
  ROW_BLOCK = 96,
#endif
};

// What a thread needs, mirrored in encode.ts (gemmThreadBytes is at least this on every instruction set).
struct GemmSpace {
  float rows[ROW_BLOCK + MICRO_ROWS][ROW_PITCH];
  float columns[INNER_BLOCK * MICRO_COLUMNS];
  float *c[ROW_BLOCK + MICRO_ROWS];
};
enum { GEMM_THREAD_BYTES = 272 << 10 };
static_assert(sizeof(GemmSpace) <= GEMM_THREAD_BYTES, "encode.ts reserves too little for a thread");

INLINE GemmSpace &gemmSpace(uint8_t *threads, int thread) {
  return *reinterpret_cast<GemmSpace *>(threads + Index(GEMM_THREAD_BYTES) * thread);
}

// Sizes of the parts when `size` is cut into the fewest parts of at most `largest`, all but the last equal.
INLINE int evenPart(int size, int largest) {
  const int parts = most(1, ceilDivide(size, largest));
  return most(1, ceilDivide(size, parts));
}

// C[m0.., n0..] = A B, or += with `accumulate`, over the inner indices [k0, k1); rows is at most ROW_BLOCK.
template <class Source>
void gemmBlock(const Source &source, GemmSpace &space, int m0, int rows, int n0, int columns, int k0, int k1,
               bool accumulate) {
  const int panel = evenPart(rows, MICRO_ROWS);
  for (int i = 0; i < rows; i++) space.c[i] = source.row(m0 + i);
  const int inner = evenPart(k1 - k0, INNER_BLOCK);
  const Index whole = 0;
  for (int k = k0; k < k1; k += inner) {
    const int count = least(inner, k1 - k);
    for (int i = 0; i < rows; i += panel) source.packRows(space.rows[i], m0 + i, least(panel, rows - i), k, count);
    for (int j = 0; j < columns; j += MICRO_COLUMNS) {
      Micro m;
      m.segments = 1;
      m.length = count;
      m.aOffsets = m.bOffsets = &whole;
      m.aRow = ROW_PITCH;
      m.aStep = 1;
      m.columns = least(int(MICRO_COLUMNS), columns - j);
      m.column = (n0 + j) * source.columnStride;
      m.cStride = source.columnStride;
      m.accumulate = accumulate || k > k0;
      m.b = source.columns(space.columns, n0 + j, m.columns, k, count, m.bStep);
      for (int i = 0; i < rows; i += panel) {
        m.a = space.rows[i];
        m.c = space.c + i;
        microFor(least(panel, rows - i), m.columns)(m);
      }
    }
  }
  if (k0 < k1 || accumulate) return;
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) space.c[i][(n0 + j) * source.columnStride] = 0.0f;
  }
}

// to[r * pitch + c] = from[r * rowStride + c * columnStride], whichever stride is 1.
inline void packBlock(float *to, Index pitch, const float *from, Index rowStride, Index columnStride, int rows,
                      int columns) {
  if (columnStride == 1) {
    for (int r = 0; r < rows; r++) copyFloats(to + r * pitch, from + r * rowStride, columns);
    return;
  }
  int r = 0;
  if (rowStride == 1) {
    for (; r + 4 <= rows; r += 4) {
      int c = 0;
      for (; c + 4 <= columns; c += 4) transposeFour(to + r * pitch + c, pitch, from + r + c * columnStride, columnStride);
      for (; c < columns; c++) {
        for (int i = r; i < r + 4; i++) to[i * pitch + c] = from[i + c * columnStride];
      }
    }
  }
  for (; r < rows; r++) {
    for (int c = 0; c < columns; c++) to[r * pitch + c] = from[r * rowStride + c * columnStride];
  }
}

// The same with the columns filled up with zeros to `width`; the width of the common case is known to the compiler.
inline void packColumns(float *to, const float *from, Index rowStride, Index columnStride, int rows, int columns) {
  const int width = microWidth(columns);
  if (columnStride == 1 && columns == MICRO_COLUMNS) {
    for (int r = 0; r < rows; r++) {
      const float *p = from + r * rowStride;
      float *q = to + r * MICRO_COLUMNS;
      const Vector a = load(p), b = load(p + VECTOR);
      store(q, a);
      store(q + VECTOR, b);
    }
    return;
  }
  if (columns < width) zeroFloats(to, Index(rows) * width);
  packBlock(to, width, from, rowStride, columnStride, rows, columns);
}

}  // namespace
