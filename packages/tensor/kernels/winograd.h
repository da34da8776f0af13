#pragma once
#include "conv.h"

// What the convolutions of 3x3 taps and stride 1 share that multiply by Winograd's minimal algorithm F(2x2, 3x3): Lavin and Gray,
// "Fast Algorithms for Convolutional Neural Networks" (2015). A tile of 2x2 results is 16 products instead of 36:
//   Y = A' [(G g G') * (B' d B)] A       d: 4x4 pixels, g: 3x3 weights
// so that a convolution is 16 matrix products over the tiles of all images, one for each place of the transformed 4x4. Each of
// the gradients is the same with the roles exchanged. B, G and A hold 0, 1, -1 and 1/2 alone: hardly anything is lost.

namespace {

enum { PLACES = 16 };

// Which tiles there are: 2x2 results each, in rows, over all images.
struct TileGrid {
  int batch, rows, columns;  // rows and columns of results
  int down() const { return (rows + 1) / 2; }
  int across() const { return (columns + 1) / 2; }
  int count() const { return batch * down() * across(); }
};

// Two rows of pixels, of which some lie outside of the image: what one row of a transformed tile is made of.
struct RowPair {
  const float *a, *b;         // channel 0 of column 0
  bool hasA, hasB;
  Index column;
  int from, to;               // the columns that are inside

  template <bool PLUS> INLINE Vector at(int x, int channel, int lanes) const {
    if (x < from || x >= to) return zeroVector();
    const Index offset = x * column + channel;
    const Vector p = hasA ? loadFirst(a + offset, lanes) : zeroVector(), q = hasB ? loadFirst(b + offset, lanes) : zeroVector();
    return PLUS ? add(p, q) : subtract(p, q);
  }
  // The same where both rows and the column are inside and all lanes count.
  template <bool PLUS> INLINE Vector inside(int x, int channel) const {
    const Index offset = x * column + channel;
    return PLUS ? add(load(a + offset), load(b + offset)) : subtract(load(a + offset), load(b + offset));
  }
};

// Writes four places of some tiles of one row of tiles, `column` floats a tile: the tile's places are `place` apart.
// WIDTH 4: B' of four pixels, whose first is at 2x + left. WIDTH 2: A of two.
template <int WIDTH, bool PLUS>
void transformRun(const RowPair &pair, int x, int count, int left, int channels, float *to, Index pitch, Index place) {
  const auto put = [&](float *p, const Vector *d) {
    if (WIDTH == 4) {
      store(p, subtract(d[0], d[2]));
      store(p + place, add(d[1], d[2]));
      store(p + 2 * place, subtract(d[2], d[1]));
      store(p + 3 * place, subtract(d[1], d[3]));
    } else {
      store(p, d[0]);
      store(p + place, add(d[0], d[1]));
      store(p + 2 * place, subtract(d[0], d[1]));
      store(p + 3 * place, subtract(zeroVector(), d[1]));
    }
  };
  // TileGrid whose pixels are all inside.
  const bool whole = pair.hasA && pair.hasB;
  int first = whole ? least(count, most(0, (pair.from - left + 1) / 2 - x)) : count;
  const int end = whole ? most(first, least(count, (pair.to - WIDTH - left) / 2 - x + 1)) : count;
  if (pair.to - WIDTH - left < 0) first = count;
  for (int channel = 0; channel < channels; channel += VECTOR) {
    const int lanes = least(int(VECTOR), channels - channel);
    const auto any = [&](int i) {
      Vector d[WIDTH];
      UNROLL for (int j = 0; j < WIDTH; j++) d[j] = pair.at<PLUS>(2 * (x + i) + left + j, channel, lanes);
      put(to + i * pitch + channel, d);
    };
    if (lanes < VECTOR || first >= end) {
      for (int i = 0; i < count; i++) any(i);
      continue;
    }
    for (int i = 0; i < first; i++) any(i);
    Vector d[WIDTH];
    int at = 2 * (x + first) + left;
    if (WIDTH == 4) UNROLL for (int j = 0; j < WIDTH - 2; j++) d[j] = pair.inside<PLUS>(at + j, channel);
    for (int i = first; i < end; i++, at += 2) {
      UNROLL for (int j = WIDTH - 2; j < WIDTH; j++) d[j] = pair.inside<PLUS>(at + j, channel);
      put(to + i * pitch + channel, d);
      if (WIDTH == 4) UNROLL for (int j = 0; j < WIDTH - 2; j++) d[j] = d[j + 2];
    }
    for (int i = end; i < count; i++) any(i);
  }
}

// Transforms the tiles [first, first + count) of an image with H x W pixels for the places 4 * line to 4 * line + 3, into
// to[place][tile][channel]. A tile's first pixel is (2t + top, 2u + left).
template <int WIDTH>
void transformTiles(const TileGrid &tiles, const float *source, const Image &image, int H, int W, int top, int left, int channels,
                    int line, int first, int count, float *to, Index pitch, Index place) {
  // B' takes rows 0 - 2, 1 + 2, 2 - 1, 1 - 3; A takes 0, 0 + 1, 0 - 1, -1.
  static const int fourA[] = {0, 1, 2, 1}, fourB[] = {2, 2, 1, 3}, twoA[] = {0, 0, 0, -1}, twoB[] = {-1, 1, 1, 1};
  const int lineA = WIDTH == 4 ? fourA[line] : twoA[line], lineB = WIDTH == 4 ? fourB[line] : twoB[line];
  const int across = tiles.across(), down = tiles.down();
  for (int done = 0; done < count;) {
    const int tile = first + done, u = tile % across, t = tile / across % down, n = tile / across / down;
    const int run = least(across - u, count - done);
    const int y = 2 * t + top + lineA, z = 2 * t + top + lineB;
    const float *base = source + n * image.batch;
    RowPair pair = {base, base, lineA >= 0 && y >= 0 && y < H, lineB >= 0 && z >= 0 && z < H, image.column, 0, W};
    if (pair.hasA) pair.a += y * image.row;
    if (pair.hasB) pair.b += z * image.row;
    float *p = to + done * pitch;
    if (line == 1) transformRun<WIDTH, true>(pair, u, run, left, channels, p, pitch, place);
    else transformRun<WIDTH, false>(pair, u, run, left, channels, p, pitch, place);
    done += run;
  }
}

// Floats from one tile's channels to the next one's: whole vectors, and no power of two.
INLINE Index tilePitch(int channels) { return (Index(channels) + MICRO_COLUMNS - 1) / MICRO_COLUMNS * MICRO_COLUMNS + 16; }

}  // namespace
