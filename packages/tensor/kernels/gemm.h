#pragma once
#include "micro.h"

// Blocked matrix product over the micro-kernel. A Source says where the operands come from:
//   float *row(m)                          where row m of C starts
//   Index columnStride                     distance of C's columns
//   isPacked                               B lies in panels already: packColumns has nothing to do
//   const float *rows(space, m, count, k, length, columns, &row, &step)
//                                          rows m.. of A, inner indices k..: rows `row` apart, inner indices `step` apart;
//                                          in place, or copied to `space` (MICRO_ROWS * ROW_PITCH floats); for so many columns
//   aheadRows(m, k, micro), aheadColumns(n, columns, k, length, call, micro)
//                                          sets micro.ahead... to the part of those rows or columns that a call can fetch
//   packColumns(space, n, columns, k, length)   prepares columns n.. of B, inner indices k..
//   const float *panel(space, n, j, columns, k, length, &step)
//                                          micro-kernel columns n + j.. of those: rows step floats apart, whole vectors
// A block's columns of B stay in the second-level cache while all of its rows pass, a micro-kernel's height at a time.
// Everything is a function of the shape, so results do not depend on the number of threads.

namespace {

enum {
  INNER_BLOCK = 512,
  SLAB_FLOATS = 64 << 10,  // of B: columns times inner indices that are prepared together
  COLUMN_BLOCK = SLAB_FLOATS / 256,
  ROW_PITCH = INNER_BLOCK + 16,  // no power of two: rows must not fall into one set of the cache
  ROW_BLOCK = 336,
};

// What a thread needs, mirrored in encodeMatmul.ts (gemmThreadBytes is at least this on every instruction set).
struct GemmSpace {
  float rows[MICRO_ROWS * ROW_PITCH];
  float columns[SLAB_FLOATS];
};
enum { GEMM_THREAD_BYTES = 320 << 10 };
static_assert(sizeof(GemmSpace) <= GEMM_THREAD_BYTES, "encodeMatmul.ts reserves too little for a thread");

INLINE GemmSpace &gemmSpace(uint8_t *threads, int thread) {
  return *reinterpret_cast<GemmSpace *>(threads + Index(GEMM_THREAD_BYTES) * thread);
}

// Sizes of the parts when `size` is cut into the fewest parts of at most `largest`, all but the last equal.
INLINE int evenPart(int size, int largest) {
  const int parts = most(1, ceilDivide(size, largest));
  return most(1, ceilDivide(size, parts));
}

// How many blocks M rows are cut into, when there are so many blocks of columns: large ones pack B less often, but there should
// be some for the threads, and an even number, so that two threads end together.
INLINE int rowBlocks(int M, int columnBlocks) {
  const int panels = ceilDivide(M, MICRO_ROWS), largest = ROW_BLOCK / MICRO_ROWS, smallest = largest / 5;
  const int blocks = most(ceilDivide(panels, largest), least(ceilDivide(16, columnBlocks), ceilDivide(panels, largest / 3)));
  return blocks * columnBlocks % 2 == 0 || panels < (blocks + 1) * smallest ? blocks : blocks + 1;
}

// Where block `block` begins: blocks differ by a micro-kernel's height at most.
INLINE int firstRow(int M, int blocks, int block) {
  return least(M, int(Index(ceilDivide(M, MICRO_ROWS)) * block / blocks) * MICRO_ROWS);
}

// Inner indices of a slab: few columns leave room for many.
INLINE int innerBlock(int K, int columns) {
  const int whole = ceilDivide(columns, MICRO_COLUMNS) * MICRO_COLUMNS;
  return evenPart(K, least(int(INNER_BLOCK), most(256, int(SLAB_FLOATS) / most(1, whole))));
}

// C[m0.., n0..] = A B, or += with `accumulate`, over the inner indices [k0, k1).
template <class Source>
void gemmBlock(const Source &source, GemmSpace &space, int m0, int rows, int n0, int columns, int k0, int k1,
               bool accumulate) {
  const int height = evenPart(rows, MICRO_ROWS);
  const int groupColumns = Source::isPacked ? columns : least(columns, int(COLUMN_BLOCK));
  const int inner = innerBlock(k1 - k0, groupColumns);
  float *c[MICRO_ROWS];
  Index rowOffsets[INNER_BLOCK / AHEAD_STEPS], wideOffsets[INNER_BLOCK / AHEAD_STEPS], narrowOffsets[INNER_BLOCK / AHEAD_STEPS];
  for (int s = 0; s < INNER_BLOCK / AHEAD_STEPS; s++) {
    wideOffsets[s] = s * AHEAD_STEPS * MICRO_COLUMNS;
    narrowOffsets[s] = s * AHEAD_STEPS * VECTOR;
  }
  Micro m;
  m.length = AHEAD_STEPS;
  m.aOffsets = rowOffsets;
  m.c = c;
  m.cStride = source.columnStride;
  for (int k = k0; k < k1; k += inner) {
    m.total = least(inner, k1 - k);
    m.segments = ceilDivide(m.total, AHEAD_STEPS);
    m.accumulate = accumulate || k > k0;
    for (int n = 0; n < columns; n += groupColumns) {
      const int group = least(groupColumns, columns - n);
      source.packColumns(space.columns, n0 + n, group, k, m.total);
      int calls = 0;
      for (int i = 0; i < rows; i += height) {
        const int count = least(height, rows - i);
        for (int r = 0; r < count; r++) c[r] = source.row(m0 + i + r);
        m.a = source.rows(space.rows, m0 + i, count, k, m.total, group, m.aRow, m.aStep);
        for (int s = 0; s < m.segments; s++) rowOffsets[s] = s * AHEAD_STEPS * m.aStep;
        for (int j = 0; j < group; j += MICRO_COLUMNS) {
          m.columns = least(int(MICRO_COLUMNS), group - j);
          m.column = (n0 + n + j) * source.columnStride;
          m.b = source.panel(space.columns, n0 + n, j, m.columns, k, m.total, m.bStep);
          m.bOffsets = m.columns > VECTOR ? wideOffsets : narrowOffsets;
          // The first call of a row fetches the next rows, the others what is packed after these columns.
          m.ahead = nullptr;
          if (j == 0 && i + height < rows) source.aheadRows(m0 + i + height, k, m);
          else if (j > 0 && k + inner < k1) source.aheadColumns(n0 + n, group, k + inner, least(inner, k1 - k - inner), calls++, m);
          microFor(count, m.columns)(m);
        }
      }
    }
  }
  if (k0 < k1 || accumulate) return;
  for (int i = 0; i < rows; i++) {
    float *to = source.row(m0 + i) + n0 * source.columnStride;
    for (int j = 0; j < columns; j++) to[j * source.columnStride] = 0.0f;
  }
}

// Rows of A for the micro-kernel. They are read where they lie, unless so many of them share a few sets of the cache.
INLINE const float *rowsOf(float *space, const float *from, Index rowStride, Index columnStride, int rows, int length,
                           int columns, Index &row, Index &step) {
  const auto collides = [](Index stride) { return stride % 512 == 0; };
  const bool alongInner = columnStride == 1 && !collides(rowStride);
  const bool across = rowStride == 1 && (!collides(columnStride) || columns <= 4 * MICRO_COLUMNS);
  if (alongInner || across || rows == 1) {
    row = rowStride;
    step = columnStride;
    return from;
  }
  if (rowStride == 1) {
    row = 1;
    step = MICRO_ROWS;
    for (int k = 0; k < length; k++) {
      const float *p = from + k * columnStride;
      float *q = space + k * MICRO_ROWS;
      for (int r = 0; r < rows; r++) q[r] = p[r];
    }
    return space;
  }
  row = ROW_PITCH;
  step = 1;
  for (int r = 0; r < rows; r++) {
    const float *p = from + r * rowStride;
    float *q = space + r * ROW_PITCH;
    if (columnStride == 1) copyFloats(q, p, length);
    else for (int k = 0; k < length; k++) q[k] = p[k * columnStride];
  }
  return space;
}

// to[r * pitch + c] = from[r * rowStride + c * columnStride], whichever stride is 1. Loops run along the source.
inline void packBlock(float *to, Index pitch, const float *from, Index rowStride, Index columnStride, int rows,
                      int columns) {
  if (columnStride == 1) {
    for (int r = 0; r < rows; r++) {
      const float *p = from + r * rowStride;
      float *q = to + r * pitch;
      int c = 0;
      for (; c + VECTOR <= columns; c += VECTOR) store(q + c, load(p + c));
      if (c < columns) storeFirst(q + c, loadFirst(p + c, columns - c), columns - c);
    }
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

// Packs `columns` columns into panels [panel][rows][width], `pitch` apart; a panel that is not full gets zeros.
inline void packPanels(float *to, Index pitch, const float *from, Index rowStride, Index columnStride, int rows,
                       int columns) {
  const int full = columns / MICRO_COLUMNS;
  int first = 0;
  if (columnStride == 1) {
    for (int r = 0; r < rows; r++) {
      const float *p = from + r * rowStride;
      float *q = to + r * MICRO_COLUMNS;
      // Rows may be pages apart: the machine does not see the next one coming.
      if (r + 4 < rows) for (int c = 0; c < columns; c += 16) __builtin_prefetch(p + 4 * rowStride + c);
      for (int panel = 0; panel < full; panel++, p += MICRO_COLUMNS, q += pitch) {
        const Vector a = load(p), b = load(p + VECTOR);
        store(q, a);
        store(q + VECTOR, b);
      }
    }
    first = full;
  }
  for (int panel = first; panel * MICRO_COLUMNS < columns; panel++) {
    const int left = least(int(MICRO_COLUMNS), columns - panel * MICRO_COLUMNS), width = microWidth(left);
    float *q = to + panel * pitch;
    if (left < width) zeroFloats(q, Index(rows) * width);
    packBlock(q, width, from + panel * MICRO_COLUMNS * columnStride, rowStride, columnStride, rows, left);
  }
}

}  // namespace
