#pragma once
#include "base.h"

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).

namespace {

struct Words4 {
  uint32_t w[4];
};

// The rounds left; a recursion, so that a loop over blocks has a plain body to vectorize.
template <int ROUNDS> INLINE Words4 philoxRounds(Words4 c, uint32_t low, uint32_t high) {
  if constexpr (ROUNDS == 0) {
    return c;
  } else {
    const uint64_t p0 = uint64_t(0xd2511f53u) * c.w[0];
    const uint64_t p1 = uint64_t(0xcd9e8d57u) * c.w[2];
    const uint32_t first = uint32_t(p1 >> 32) ^ c.w[1] ^ low, third = uint32_t(p0 >> 32) ^ c.w[3] ^ high;
    const Words4 next = {{first, uint32_t(p1), third, uint32_t(p0)}};
    return philoxRounds<ROUNDS - 1>(next, low + 0x9e3779b9u, high + 0xbb67ae85u);
  }
}

// The four words of counter (block, stream, step, 0) under key (low, high).
INLINE Words4 philox(uint32_t block, uint32_t stream, uint32_t step, uint32_t low, uint32_t high) {
  return philoxRounds<10>({{block, stream, step, 0}}, low, high);
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
  uint32_t words[4 * BLOCKS];
  uint32_t block = first >> 2;
  // `skip` words of the first block come before the tile.
  for (int done = 0, skip = int(first & 3); done < n; block += BLOCKS) {
    for (int b = 0; b < BLOCKS; b++) {
      const Words4 four = philox(block + uint32_t(b), stream, step, low, high);
      words[4 * b] = four.w[0];
      words[4 * b + 1] = four.w[1];
      words[4 * b + 2] = four.w[2];
      words[4 * b + 3] = four.w[3];
    }
    const int count = least(n - done, 4 * BLOCKS - skip);
    copyBytes(out + done, words + skip, count * 4);
    done += count;
    skip = 0;
  }
}

}  // namespace
