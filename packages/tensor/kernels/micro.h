#pragma once
#include "simd.h"

// The micro-kernel that every contraction runs on: a block of ROWS rows by one or two vectors of columns of C stays in
// registers while the inner index runs. That index has `segments` runs of `length`, so that one kernel serves packed
// panels and convolutions, which read images where they lie (a segment is then an image row of the window).

namespace {

enum { MICRO_COLUMNS = 2 * VECTOR };

struct Micro {
  int segments, length;
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
};

// Columns past the last or not next to each other: through memory.
template <int VECTORS> inline void storeColumns(const Micro &m, const float *values, float *c) {
  for (int j = 0; j < m.columns; j++) {
    float *p = c + j * m.cStride;
    *p = m.accumulate ? *p + values[j] : values[j];
  }
}

// Rows are addressed from every third one, because an address can add a row's distance once or twice for free.
template <int ROWS, int VECTORS> void micro(const Micro &m) {
  enum { BASES = (ROWS + 2) / 3 };
  Vector sums[ROWS][VECTORS];
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++) sums[i][v] = zeroVector();
  }
  UNROLL for (int i = 0; i < ROWS; i++) {
    UNROLL for (int v = 0; v < VECTORS; v++) __builtin_prefetch(m.c[i] + m.column + v * VECTOR, 1);
  }
  const Index row = m.aRow, aStep = m.aStep, bStep = m.bStep;
  for (int s = 0; s < m.segments; s++) {
    const float *a[BASES];
    UNROLL for (int i = 0; i < BASES; i++) a[i] = m.a + m.aOffsets[s] + 3 * i * row;
    const float *b = m.b + m.bOffsets[s];
    for (int k = m.length; k > 0; k--) {
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
  const bool whole = m.columns == VECTORS * VECTOR && m.cStride == 1;
  UNROLL for (int i = 0; i < ROWS; i++) {
    float *c = m.c[i] + m.column;
    if (whole) {
      UNROLL for (int v = 0; v < VECTORS; v++) {
        if (m.accumulate) sums[i][v] = add(sums[i][v], load(c + v * VECTOR));
        store(c + v * VECTOR, sums[i][v]);
      }
    } else {
      float values[VECTORS * VECTOR];
      UNROLL for (int v = 0; v < VECTORS; v++) store(values + v * VECTOR, sums[i][v]);
      storeColumns<VECTORS>(m, values, c);
    }
  }
}

typedef void (*MicroKernel)(const Micro &);

// The kernel for a number of rows (1 to MICRO_ROWS) and of columns (1 to MICRO_COLUMNS).
template <int VECTORS> INLINE MicroKernel microForRows(int rows) {
  static const MicroKernel kernels[] = {
      micro<1, VECTORS>, micro<2, VECTORS>, micro<3, VECTORS>, micro<4, VECTORS>,
#if defined(__AVX2__) || !defined(__wasm_simd128__)
      micro<5, VECTORS>, micro<6, VECTORS>,
#endif
#if defined(__AVX512F__)
      micro<7, VECTORS>, micro<8, VECTORS>, micro<9, VECTORS>, micro<10, VECTORS>,
      micro<11, VECTORS>, micro<12, VECTORS>, micro<13, VECTORS>, micro<14, VECTORS>,
#endif
  };
  return kernels[rows - 1];
}
INLINE MicroKernel microFor(int rows, int columns) {
  return columns <= VECTOR ? microForRows<1>(rows) : microForRows<2>(rows);
}

// Vectors a block of `columns` columns reads of B, in floats.
INLINE int microWidth(int columns) { return columns <= VECTOR ? int(VECTOR) : int(MICRO_COLUMNS); }

}  // namespace
