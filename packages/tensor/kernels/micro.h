#pragma once
#include "simd.h"

// The micro-kernel that every contraction runs on: a block of ROWS rows by one or two vectors of columns of C stays in
// registers while the inner index runs. That index has `segments` runs of `length`, so that one kernel serves packed
// panels and convolutions, which read images where they lie (a segment is then an image row of the window).

namespace {

enum { MICRO_COLUMNS = 2 * VECTOR };

struct Micro {
  int segments, length, total;  // total: the inner indices of all segments, of which the last may be shorter
  const float *a;  // row i, step k of segment s: a[aOffsets[s] + i * aRow + k * aStep]
  const Index *aOffsets;
  Index aRow, aStep;
  const float *b;  // columns of step k of segment s: b[bOffsets[s] + k * bStep]
  const Index *bOffsets;
  Index bStep;
  float *const *c;  // row i starts at c[i] + column
  Index column, cStride;
  int columns;  // how many columns count
  bool accumulate;
  // Lines that will be read soon, AHEAD_LINES of them for each segment of AHEAD_STEPS inner indices, or null:
  // ahead[s * aheadSegment + i * aheadStep].
  const float *ahead;
  Index aheadSegment, aheadStep;
};
enum { AHEAD_STEPS = 16, AHEAD_LINES = 16 };

// Stores results that lie in `values` [rows][width] to columns that are not next to each other in C.
inline void storeApart(const Micro &m, const float *values, int rows, int width) {
  if (m.c[rows - 1] - m.c[0] != rows - 1) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < m.columns; j++) {
        float *p = m.c[i] + m.column + j * m.cStride;
        *p = m.accumulate ? *p + values[i * width + j] : values[i * width + j];
      }
    }
    return;
  }
  // Rows touch: each column of the block is a run of memory.
  for (int first = 0; first < rows; first += VECTOR) {
    const int count = least(rows - first, int(VECTOR));
    for (int j = 0; j < m.columns; j += 4) {
      float lanes[4][VECTOR];
      for (int i = 0; i < count; i += 4) transposeFour(lanes[0] + i, VECTOR, values + (first + i) * width + j, width);
      for (int c = 0; c < least(4, m.columns - j); c++) {
        float *p = m.c[0] + first + m.column + (j + c) * m.cStride;
        const Vector v = load(lanes[c]);
        storeFirst(p, m.accumulate ? add(v, loadFirst(p, count)) : v, count);
      }
    }
  }
}

// Rows are addressed from every third one, because an address can add a row's distance once or twice for free.
template <int ROWS, int VECTORS> void micro(const Micro &m) {
  enum { BASES = (ROWS + 2) / 3 };
  Vector sums[ROWS][VECTORS];
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++) sums[i][v] = zeroVector();
  }
  if (m.cStride == 1) {
    UNROLL for (int i = 0; i < ROWS; i++) {
      UNROLL for (int v = 0; v < VECTORS; v++) __builtin_prefetch(m.c[i] + m.column + v * VECTOR, 1);
    }
  } else {
    for (int j = 0; j < m.columns; j++) __builtin_prefetch(m.c[ROWS / 2] + m.column + j * m.cStride, 1);
  }
  const Index row = m.aRow, aStep = m.aStep, bStep = m.bStep;
  for (int s = 0, left = m.total; s < m.segments; s++, left -= m.length) {
    if (m.ahead != nullptr) {
      const float *ahead = m.ahead + s * m.aheadSegment;
      for (int i = 0; i < AHEAD_LINES; i++) __builtin_prefetch(ahead + i * m.aheadStep);
    }
    const float *a[BASES];
    UNROLL for (int i = 0; i < BASES; i++) a[i] = m.a + m.aOffsets[s] + 3 * i * row;
    const float *b = m.b + m.bOffsets[s];
    for (int k = least(m.length, left); k > 0; k--) {
      Vector columns[VECTORS];
      UNROLL for (int v = 0; v < VECTORS; v++) columns[v] = load(b + v * VECTOR);
      UNROLL for (int i = 0; i < ROWS; i++) {
        const Vector x = splat(a[i / 3] + (i % 3) * row);
        UNROLL for (int v = 0; v < VECTORS; v++) sums[i][v] = multiplyAdd(x, columns[v], sums[i][v]);
      }
      UNROLL for (int i = 0; i < BASES; i++) a[i] += aStep;
      b += bStep;
    }
  }
  if (m.cStride != 1) {
    float values[(ROWS + 3) / 4 * 4][VECTORS * VECTOR];
    UNROLL for (int i = 0; i < ROWS; i++) {
      UNROLL for (int v = 0; v < VECTORS; v++) store(values[i] + v * VECTOR, sums[i][v]);
    }
    return storeApart(m, values[0], ROWS, VECTORS * VECTOR);
  }
  const int last = m.columns - (VECTORS - 1) * VECTOR;
  UNROLL for (int i = 0; i < ROWS; i++) {
    float *c = m.c[i] + m.column;
    UNROLL for (int v = 0; v < VECTORS; v++, c += VECTOR) {
      if (v < VECTORS - 1 || last == VECTOR) store(c, m.accumulate ? add(sums[i][v], load(c)) : sums[i][v]);
      else storeFirst(c, m.accumulate ? add(sums[i][v], loadFirst(c, last)) : sums[i][v], last);
    }
  }
}

typedef void (*MicroKernel)(const Micro &);

// The numbers 0, 1, ..., N - 1 as template arguments.
template <int... COUNTS> struct Counts {};
template <int N, int... COUNTS> struct CountsTo : CountsTo<N - 1, N - 1, COUNTS...> {};
template <int... COUNTS> struct CountsTo<0, COUNTS...> {
  typedef Counts<COUNTS...> Type;
};

template <int VECTORS, int... COUNTS> INLINE MicroKernel microOf(int rows, Counts<COUNTS...>) {
  static const MicroKernel kernels[] = {micro<COUNTS + 1, VECTORS>...};
  return kernels[rows - 1];
}

// The kernel for a number of rows (1 to MICRO_ROWS) and of columns (1 to MICRO_COLUMNS).
INLINE MicroKernel microFor(int rows, int columns) {
  if (columns <= VECTOR) return microOf<1>(rows, CountsTo<MICRO_ROWS>::Type());
  return microOf<2>(rows, CountsTo<MICRO_ROWS>::Type());
}

// Vectors a block of `columns` columns reads of B, in floats.
INLINE int microWidth(int columns) { return columns <= VECTOR ? int(VECTOR) : int(MICRO_COLUMNS); }

}  // namespace
