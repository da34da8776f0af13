#pragma once
#include "micro.h"

// Blocked matrix product over the micro-kernel. A Source says where the operands come from:
//   float *row(m)                          where row m of C starts
//   Index columnStride                     distance of C's columns
//   packRows(to, m, rows, k, count)        rows m.. of A, inner indices k.., as [rows][ROW_PITCH]
//   packColumns(space, n, columns, k, count)   prepares up to COLUMN_GROUP columns n.. of B, inner indices k..
//   const float *panel(space, n, j, columns, k, count, &step)
//                                          micro-kernel columns n + j.. of those: rows step floats apart, whole vectors
// Everything is a function of the shape, so results do not depend on the number of threads.

namespace {

enum {
  INNER_BLOCK = 256,
  COLUMN_GROUP = 4 * MICRO_COLUMNS,  // columns packed together: rows of B may be pages apart
  ROW_PITCH = INNER_BLOCK + 16,  // no power of two: rows must not fall into one set of the cache
#if defined(__AVX512F__)
  ROW_BLOCK = 336,
#elif defined(__AVX2__)
  ROW_BLOCK = 144,
#else
  ROW_BLOCK = 96,
#endif
};

// What a thread needs, mirrored in encode.ts (gemmThreadBytes is at least this on every instruction set).
struct GemmSpace {
  float rows[ROW_BLOCK + MICRO_ROWS][ROW_PITCH];
  float columns[INNER_BLOCK * COLUMN_GROUP];
  float *c[ROW_BLOCK + MICRO_ROWS];
};
enum { GEMM_THREAD_BYTES = 528 << 10 };
static_assert(sizeof(GemmSpace) <= GEMM_THREAD_BYTES, "encode.ts reserves too little for a thread");

INLINE GemmSpace &gemmSpace(uint8_t *threads, int thread) {
  return *reinterpret_cast<GemmSpace *>(threads + Index(GEMM_THREAD_BYTES) * thread);
}

// Sizes of the parts when `size` is cut into the fewest parts of at most `largest`, all but the last equal.
INLINE int evenPart(int size, int largest) {
  const int parts = most(1, ceilDivide(size, largest));
  return most(1, ceilDivide(size, parts));
}

// Rows of a block: large ones pack B less often, but a product needs some blocks for the threads.
INLINE int blockRows(int M, int N) {
  const bool isLarge = ceilDivide(M, ROW_BLOCK) * ceilDivide(N, 256) >= 8;
  return evenPart(ceilDivide(M, MICRO_ROWS), ROW_BLOCK / MICRO_ROWS / (isLarge ? 1 : 2)) * MICRO_ROWS;
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
    Micro m;
    m.segments = 1;
    m.length = count;
    m.aOffsets = m.bOffsets = &whole;
    m.aRow = ROW_PITCH;
    m.aStep = 1;
    m.cStride = source.columnStride;
    m.accumulate = accumulate || k > k0;
    for (int n = 0; n < columns; n += COLUMN_GROUP) {
      const int group = least(int(COLUMN_GROUP), columns - n);
      source.packColumns(space.columns, n0 + n, group, k, count);
      for (int j = 0; j < group; j += MICRO_COLUMNS) {
        m.columns = least(int(MICRO_COLUMNS), group - j);
        m.column = (n0 + n + j) * source.columnStride;
        m.b = source.panel(space.columns, n0 + n, j, m.columns, k, count, m.bStep);
        for (int i = 0; i < rows; i += panel) {
          m.a = space.rows[i];
          m.c = space.c + i;
          microFor(least(panel, rows - i), m.columns)(m);
        }
      }
    }
  }
  if (k0 < k1 || accumulate) return;
  for (int i = 0; i < rows; i++) {
    float *c = space.c[i] + n0 * source.columnStride;
    if (source.columnStride == 1) zeroFloats(c, columns);
    else for (int j = 0; j < columns; j++) c[j * source.columnStride] = 0.0f;
  }
}

// to[r * pitch + c] = from[r * rowStride + c * columnStride], whichever stride is 1. Loops run along the source.
inline void packBlock(float *to, Index pitch, const float *from, Index rowStride, Index columnStride, int rows,
                      int columns) {
  if (columnStride == 1) {
    for (int r = 0; r < rows; r++) copyFloats(to + r * pitch, from + r * rowStride, columns);
    return;
  }
  int c = 0;
  if (rowStride == 1) {
    for (; c + 4 <= columns; c += 4) {
      const float *p = from + c * columnStride;
      int r = 0;
      for (; r + 4 <= rows; r += 4) transposeFour(to + r * pitch + c, pitch, p + r, columnStride);
      if (r == rows) continue;
      // The last rows: once more with some of those before, if there are four.
      if (rows >= 4) transposeFour(to + (rows - 4) * pitch + c, pitch, p + rows - 4, columnStride);
      else for (; r < rows; r++) for (int i = 0; i < 4; i++) to[r * pitch + c + i] = p[r + i * columnStride];
    }
  }
  for (; c < columns; c++) {
    for (int r = 0; r < rows; r++) to[r * pitch + c] = from[r * rowStride + c * columnStride];
  }
}

// Packs `columns` columns into panels [panel][rows][width]; a panel that is not full gets zeros.
inline void packPanels(float *to, const float *from, Index rowStride, Index columnStride, int rows, int columns) {
  const int full = columns / MICRO_COLUMNS;
  int first = 0;
  if (columnStride == 1) {
    for (int r = 0; r < rows; r++) {
      const float *p = from + r * rowStride;
      float *q = to + r * MICRO_COLUMNS;
      for (int panel = 0; panel < full; panel++, p += MICRO_COLUMNS, q += Index(rows) * MICRO_COLUMNS) {
        const Vector a = load(p), b = load(p + VECTOR);
        store(q, a);
        store(q + VECTOR, b);
      }
    }
    first = full;
  }
  for (int panel = first; panel * MICRO_COLUMNS < columns; panel++) {
    const int left = least(int(MICRO_COLUMNS), columns - panel * MICRO_COLUMNS), width = microWidth(left);
    float *q = to + Index(panel) * rows * MICRO_COLUMNS;
    if (left < width) zeroFloats(q, Index(rows) * width);
    packBlock(q, width, from + panel * MICRO_COLUMNS * columnStride, rowStride, columnStride, rows, left);
  }
}

}  // namespace
