#pragma once
#include "gemm.h"
#include "program.h"

// What the convolution kernels share: geometry, and the patch of an image that a block of outputs sees.
//
// Forward convolution and the gradient of its input are one operation: each target position is a sum over taps
// (row offset, column offset) of a source image times a matrix [source channel, target channel]. The gradient of a
// strided convolution is several such parts, one for each residue of the position, with the taps that reach it.

namespace {

// Batched image in memory; channels of one group are `channel` apart.
struct Image {
  int slot, offset;
  Index batch, row, column, channel;

  void read(Words &in) {
    slot = in.next();
    offset = in.next();
    batch = in.next();
    row = in.next();
    column = in.next();
    channel = in.next();
  }
};

// Which source pixels the taps of target position (t, u) are: (t * rowStep + rows[i], u * columnStep + columns[j]).
struct Taps {
  int rowStep, columnStep, rowCount, columnCount;
  const int32_t *rows, *columns;  // ascending

  void read(Words &in) {
    rowStep = in.next();
    columnStep = in.next();
    rowCount = in.next();
    columnCount = in.next();
    rows = in.at;
    columns = rows + rowCount;
    in.at = columns + columnCount;
  }
  int count() const { return rowCount * columnCount; }
  // Pixels from the first tap to the last, both included.
  int height() const { return rowCount == 0 ? 0 : rows[rowCount - 1] - rows[0] + 1; }
  int width() const { return columnCount == 0 ? 0 : columns[columnCount - 1] - columns[0] + 1; }
  bool columnsTouch() const { return width() == columnCount; }
};

// The source pixels that a block of target positions reads, where they lie or copied with zeros around.
struct Patch {
  const float *data;  // the pixel of the first tap of the block's first position
  Index row, column;

  // The block starts at target (t, u) of the image at `source` with height H and width W; `space` is for a copy, which is
  // made where it has to be or when `copies` asks for it.
  void take(const Taps &taps, const float *source, const Image &image, int H, int W, int channels, int t, int u,
            int blockRows, int blockColumns, float *space, bool copies = false) {
    const int top = t * taps.rowStep + taps.rows[0], left = u * taps.columnStep + taps.columns[0];
    const int rows = (blockRows - 1) * taps.rowStep + taps.height();
    const int columns = (blockColumns - 1) * taps.columnStep + taps.width();
    const bool inside = top >= 0 && left >= 0 && top + rows <= H && left + columns <= W;
    if (!copies && inside && image.channel == 1 && (image.column == channels || !taps.columnsTouch() || taps.columnCount == 1)) {
      data = source + top * image.row + left * image.column;
      row = image.row;
      column = image.column;
      return;
    }
    data = space;
    column = channels;
    row = Index(columns) * channels;
    const int from = most(0, -left), to = most(from, least(columns, W - left));
    for (int r = 0; r < rows; r++) {
      float *p = space + r * row;
      if (top + r < 0 || top + r >= H || from >= columns) {
        zeroFloats(p, row);
        continue;
      }
      zeroFloats(p, Index(from) * channels);
      zeroFloats(p + Index(to) * channels, Index(columns - to) * channels);
      const float *q = source + (top + r) * image.row + (left + from) * image.column;
      float *inside = p + Index(from) * channels;
      if (image.channel == 1 && image.column == channels) {
        copyFloats(inside, q, Index(to - from) * channels);
        continue;
      }
      for (int c = from; c < to; c++, q += image.column, inside += channels) {
        for (int k = 0; k < channels; k++) inside[k] = q[k * image.channel];
      }
    }
  }
};

}  // namespace
