#pragma once
#include "ops.h"

// What a reduction does with lanes of partial results: start, add a tile, fold rows of lanes into one, join two.
// argmax keeps a value and its position a lane; the other reductions ignore `positions`.

namespace {

const int32_t noPosition = 2147483647;

INLINE bool isArgmax(int op) { return op == REDUCE_ARGMAX || op == REDUCE_ARGMAX_INT; }

// True when (a, at) comes before (b, bt) as the maximum: NaN is largest, the smaller position wins ties.
INLINE bool isBetter(float a, int32_t at, float b, int32_t bt) {
  const bool aNaN = a != a, bNaN = b != b;
  const bool greater = (a > b) | (aNaN & !bNaN);
  const bool same = (a == b) | (aNaN & bNaN);
  return greater | (same & (at < bt));
}
INLINE bool isBetter(int32_t a, int32_t at, int32_t b, int32_t bt) { return (a > b) | ((a == b) & (at < bt)); }

template <class T, class Join> INLINE void joinLanes(void *into, const void *from, int n, Join join) {
  T *a = static_cast<T *>(into);
  const T *b = static_cast<const T *>(from);
  VECTORIZE for (int i = 0; i < n; i++) a[i] = join(a[i], b[i]);
}

template <class T> INLINE void joinBest(void *into, int32_t *at, const void *from, const int32_t *bt, int n) {
  T *a = static_cast<T *>(into);
  const T *b = static_cast<const T *>(from);
  VECTORIZE for (int i = 0; i < n; i++) {
    const T x = a[i], y = b[i];
    const int32_t p = at[i], q = bt[i];
    const bool better = isBetter(y, q, x, p);
    a[i] = better ? y : x;
    at[i] = better ? q : p;
  }
}

struct Accumulator {
  int op;
  int32_t *values;
  int32_t *positions;

  void start(int n) const {
    const int32_t first = op == REDUCE_SUM || op == REDUCE_SUM_INT ? 0
                          : op == REDUCE_MAX || op == REDUCE_ARGMAX ? int32_t(0xff800000u)  // -infinity
                                                                    : int32_t(0x80000000u);
    for (int i = 0; i < n; i++) values[i] = first;
    if (isArgmax(op)) for (int i = 0; i < n; i++) positions[i] = noPosition;
  }

  // Joins n lanes at `to` with those at `from` (and `fromPositions` with argmax).
  void join(int to, const void *from, const int32_t *fromPositions, int n) const {
    int32_t *into = values + to;
    switch (op) {
      case REDUCE_SUM: return joinLanes<float>(into, from, n, [](float a, float b) { return a + b; });
      case REDUCE_SUM_INT: return joinLanes<uint32_t>(into, from, n, [](uint32_t a, uint32_t b) { return a + b; });
      case REDUCE_MAX: return joinLanes<float>(into, from, n, [](float a, float b) { return maxOf(a, b); });
      case REDUCE_MAX_INT: return joinLanes<int32_t>(into, from, n, [](int32_t a, int32_t b) { return maxOf(a, b); });
      case REDUCE_ARGMAX: return joinBest<float>(into, positions + to, from, fromPositions, n);
      default: return joinBest<int32_t>(into, positions + to, from, fromPositions, n);
    }
  }

  // Folds `rows` rows of `inner` lanes into the first, in halves (so that rounding errors grow with log(rows)).
  void fold(int rows, int inner) const {
    while (rows > 1) {
      const int half = rows / 2, keep = rows - half;
      join(0, values + keep * inner, isArgmax(op) ? positions + keep * inner : nullptr, half * inner);
      rows = keep;
    }
  }

  const int32_t *result() const { return isArgmax(op) ? positions : values; }
};

// Joins `count` neighbours, in LANES partial results side by side.
template <int LANES, class T, class Join> INLINE T joinRow(const T *row, int count, Join join) {
  T lanes[LANES];
  for (int l = 0; l < LANES; l++) lanes[l] = row[l];
  int i = LANES;
  for (; i + LANES <= count; i += LANES) {
    for (int l = 0; l < LANES; l++) lanes[l] = join(lanes[l], row[i + l]);
  }
  for (int l = 0; i < count; i++, l++) lanes[l] = join(lanes[l], row[i]);
  UNROLL for (int half = LANES / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; l++) lanes[l] = join(lanes[l], lanes[l + half]);
  }
  return lanes[0];
}
template <class T, class Join> INLINE T joinRow(const T *row, int count, Join join) {
  if (count >= 64) return joinRow<64>(row, count, join);
  if (count >= 16) return joinRow<16>(row, count, join);
  T result = row[0];
  for (int i = 1; i < count; i++) result = join(result, row[i]);
  return result;
}

template <class T> inline T sumRow(const T *row, int count) {
  return joinRow(row, count, [](T a, T b) { return a + b; });
}
template <class T> inline T maxRow(const T *row, int count) {
  return joinRow(row, count, [](T a, T b) { return maxOf(a, b); });
}

// The first position of the maximum: looked up once the maximum is known.
template <class T> inline int32_t argmaxRow(const T *row, int count) {
  enum { BLOCK = 64 };
  const T top = maxRow(row, count);
  const bool isNaN = top != top;
  int i = 0;
  for (; i + BLOCK <= count; i += BLOCK) {
    int32_t found = 0;
    for (int l = 0; l < BLOCK; l++) found |= (row[i + l] == top) | (isNaN & (row[i + l] != row[i + l]));
    if (found) break;
  }
  while (!(row[i] == top || (isNaN && row[i] != row[i]))) i++;
  return i;
}

// The reduction of one short row; a sum or maximum as its 32 bits.
INLINE int32_t reduceRow(int op, const void *values, int count) {
  const float *f = static_cast<const float *>(values);
  const int32_t *i = static_cast<const int32_t *>(values);
  switch (op) {
    case REDUCE_SUM: return int32_t(bitsOf(sumRow(f, count)));
    case REDUCE_SUM_INT: return int32_t(sumRow(reinterpret_cast<const uint32_t *>(i), count));
    case REDUCE_MAX: return int32_t(bitsOf(maxRow(f, count)));
    case REDUCE_MAX_INT: return maxRow(i, count);
    case REDUCE_ARGMAX: return argmaxRow(f, count);
    default: return argmaxRow(i, count);
  }
}

}  // namespace
