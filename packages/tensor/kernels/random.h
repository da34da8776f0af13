#pragma once
#include "base.h"

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).

namespace {

struct Words4 {
  uint32_t w[4];
};

// The four words of counter (block, stream, step, 0) under key (low, high).
INLINE Words4 philox(uint32_t block, uint32_t stream, uint32_t step, uint32_t low, uint32_t high) {
  uint32_t c0 = block, c1 = stream, c2 = step, c3 = 0;
  UNROLL for (int round = 0; round < 10; round++) {
    const uint64_t p0 = uint64_t(0xd2511f53u) * c0;
    const uint64_t p1 = uint64_t(0xcd9e8d57u) * c2;
    c0 = uint32_t(p1 >> 32) ^ c1 ^ low;
    c1 = uint32_t(p1);
    c2 = uint32_t(p0 >> 32) ^ c3 ^ high;
    c3 = uint32_t(p0);
    low += 0x9e3779b9u;
    high += 0xbb67ae85u;
  }
  return {{c0, c1, c2, c3}};
}

// The tile's indices are nearly always consecutive and the rest constant: then a block serves four elements.
INLINE bool isPlain(const uint32_t *const *in, int n) {
  const uint32_t first = in[0][0], a = in[1][0], b = in[2][0], c = in[3][0], d = in[4][0];
  uint32_t differ = 0;
  for (int i = 0; i < n; i++) {
    differ |= (in[0][i] ^ (first + uint32_t(i))) | (in[1][i] ^ a) | (in[2][i] ^ b) | (in[3][i] ^ c) | (in[4][i] ^ d);
  }
  return differ == 0 && first + uint32_t(n) > first;
}

// Inputs: index, seed low, seed high, step, stream. `out` may be one of them.
inline void randomTile(uint32_t *out, const uint32_t *const *in, int n) {
  if (n == 0) return;
  if (!isPlain(in, n)) {
    for (int i = 0; i < n; i++) {
      const uint32_t index = in[0][i];
      const Words4 words = philox(index >> 2, in[4][i], in[3][i], in[1][i], in[2][i]);
      out[i] = words.w[index & 3];
    }
    return;
  }
  enum { BLOCKS = 32 };
  const uint32_t first = in[0][0], low = in[1][0], high = in[2][0], step = in[3][0], stream = in[4][0];
  uint32_t planes[4][BLOCKS];
  uint32_t block = first >> 2;
  // `skip` words of the first block come before the tile.
  for (int done = 0, skip = int(first & 3); done < n; block += BLOCKS) {
    for (int b = 0; b < BLOCKS; b++) {
      const Words4 words = philox(block + uint32_t(b), stream, step, low, high);
      planes[0][b] = words.w[0];
      planes[1][b] = words.w[1];
      planes[2][b] = words.w[2];
      planes[3][b] = words.w[3];
    }
    const int count = least(n - done, 4 * BLOCKS - skip);
    for (int i = 0; i < count; i++) out[done + i] = planes[(i + skip) & 3][(i + skip) >> 2];
    done += count;
    skip = 0;
  }
}

}  // namespace
