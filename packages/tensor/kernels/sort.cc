#include "tile.h"

// Stable sort along the last axis: each element becomes a 64-bit word, its order above its position, so that equal
// elements stay in place; then a radix sort by bytes, or insertion where a row is short.
// Payload: rows, length, access (0 f32, 1 i32, 2 byte), descending, rows a chunk, then slot, offset, step and view of rows
// for x, values, indices.

namespace {

// The unsigned word that sorts as the value does; NaN above all numbers, -0 as 0.
INLINE uint32_t orderOf(int kind, uint32_t bits) {
  if (kind == 1) return bits ^ 0x80000000u;
  if (kind == 2) return bits;
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0xffffffffu;
  if (bits == 0x80000000u) bits = 0;
  return (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;
}

void insertionSort(uint64_t *words, int n) {
  for (int i = 1; i < n; i++) {
    const uint64_t word = words[i];
    int j = i;
    for (; j > 0 && words[j - 1] > word; j--) words[j] = words[j - 1];
    words[j] = word;
  }
}

// Sorts by the upper 32 bits, stably; the result is in `words`.
void radixSort(uint64_t *words, uint64_t *other, int n) {
  uint32_t counts[4][256] = {};
  for (int i = 0; i < n; i++) {
    for (int byte = 0; byte < 4; byte++) counts[byte][words[i] >> (32 + 8 * byte) & 255]++;
  }
  uint64_t *from = words, *to = other;
  for (int byte = 0; byte < 4; byte++) {
    const int shift = 32 + 8 * byte;
    uint32_t *count = counts[byte];
    // A byte that is the same everywhere moves nothing.
    if (count[from[0] >> shift & 255] == uint32_t(n)) continue;
    uint32_t at = 0;
    for (int value = 0; value < 256; value++) {
      const uint32_t here = count[value];
      count[value] = at;
      at += here;
    }
    for (int i = 0; i < n; i++) to[count[from[i] >> shift & 255]++] = from[i];
    uint64_t *const swap = from;
    from = to;
    to = swap;
  }
  if (from != words) copyBytes(words, from, Index(n) * 8);
}

enum { INSERTION_LENGTH = 32 };

INLINE Index rowOffset(const int32_t *view, int row) {
  Index offset = 0;
  walk(view, row, 1, [&](Index at, int, int) { offset = at; });
  return offset;
}

void runSort(const Context &context, const int32_t *payload) {
  Words in = {payload};
  const int rows = in.next(), length = in.next(), kind = in.next();
  const bool descending = in.next() != 0;
  const int step = in.next();
  struct {
    int slot, offset;
    Index step;
    const int32_t *view;
  } operands[3];
  for (auto &it : operands) {
    it.slot = in.next();
    it.offset = in.next();
    it.step = in.next();
    it.view = in.at;
    in.at += 1 + 2 * in.at[0];
  }
  const auto &x = operands[0], &values = operands[1], &indices = operands[2];
  forChunks(context, ceilDivide(rows, step), [&](int chunk, int thread) {
    uint64_t *words = reinterpret_cast<uint64_t *>(context.workspace) + Index(thread) * 2 * length;
    for (int row = chunk * step; row < least(rows, (chunk + 1) * step); row++) {
      const Index from = x.offset + rowOffset(x.view, row);
      const uint8_t *bytes = context.at<const uint8_t>(x.slot, kind == 2 ? from : 0);
      const uint32_t *whole = context.at<const uint32_t>(x.slot, kind == 2 ? 0 : from);
      for (int i = 0; i < length; i++) {
        const uint32_t order = orderOf(kind, kind == 2 ? bytes[i * x.step] : whole[i * x.step]);
        words[i] = uint64_t(descending ? ~order : order) << 32 | uint32_t(i);
      }
      if (length <= INSERTION_LENGTH) insertionSort(words, length);
      else radixSort(words, words + length, length);
      int32_t *positions = context.at<int32_t>(indices.slot, indices.offset + rowOffset(indices.view, row));
      const Index to = values.offset + rowOffset(values.view, row);
      uint8_t *sortedBytes = context.at<uint8_t>(values.slot, kind == 2 ? to : 0);
      uint32_t *sorted = context.at<uint32_t>(values.slot, kind == 2 ? 0 : to);
      for (int i = 0; i < length; i++) {
        const uint32_t at = uint32_t(words[i]);
        positions[i * indices.step] = int32_t(at);
        if (kind == 2) sortedBytes[i * values.step] = bytes[at * x.step];
        else sorted[i * values.step] = whole[at * x.step];
      }
    }
  });
}

}  // namespace
