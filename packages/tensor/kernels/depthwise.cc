#include "conv.h"

// Convolutions with one channel a group: every channel is on its own, so lanes are channels. Payloads are those of
// conv.cc and convWeight.cc; patches hold all channels.

namespace {

// A vector of the first `count` floats at p.
template <bool WHOLE> INLINE Vector loadSome(const float *p, int count) {
  if (WHOLE) return load(p);
  float lanes[VECTOR] = {};
  copyFloats(lanes, p, count);
  return load(lanes);
}
template <bool WHOLE> INLINE void storeSome(float *p, Vector v, int count) {
  if (WHOLE) return store(p, v);
  float lanes[VECTOR];
  store(lanes, v);
  copyFloats(p, lanes, count);
}

// Weights as [tap][channels], channels filled up to whole vectors.
INLINE int paddedChannels(int channels) { return ceilDivide(channels, VECTOR) * VECTOR; }

void packDepthwise(const ConvTask &task) {
  const int padded = paddedChannels(task.groups);
  float *to = reinterpret_cast<float *>(task.context.workspace);
  for (int i = 0; i < task.parts; i++) {
    const ConvPart &part = task.part[i];
    for (int tap = 0; tap < part.taps.count(); tap++, to += padded) {
      const float *from =
          task.context.at<const float>(task.weightSlot, task.weightOffset) + part.weightOffsets[tap];
      zeroFloats(to, padded);
      for (int c = 0; c < task.groups; c++) to[c] = from[c * task.weightGroup];
    }
  }
}

// POSITIONS neighbouring outputs of one vector of channels.
template <int POSITIONS, bool WHOLE>
INLINE void depthwiseOutputs(const Taps &taps, const Patch &patch, const float *a, Index step, const float *weights,
                             int padded, float *to, Index toStep, int count) {
  Vector sums[POSITIONS];
  UNROLL for (int i = 0; i < POSITIONS; i++) sums[i] = zeroVector();
  for (int r = 0; r < taps.rowCount; r++) {
    const float *row = a + (taps.rows[r] - taps.rows[0]) * patch.row;
    for (int c = 0; c < taps.columnCount; c++, weights += padded) {
      const float *pixel = row + (taps.columns[c] - taps.columns[0]) * patch.column;
      const Vector w = load(weights);
      UNROLL for (int i = 0; i < POSITIONS; i++) {
        sums[i] = multiplyAdd(loadSome<WHOLE>(pixel + i * step, count), w, sums[i]);
      }
    }
  }
  UNROLL for (int i = 0; i < POSITIONS; i++) storeSome<WHOLE>(to + i * toStep, sums[i], count);
}

template <bool WHOLE>
void depthwiseRow(const Taps &taps, const Patch &patch, const float *a, const float *weights, int padded, float *to,
                  Index toStep, int columns, int count) {
  const Index step = taps.columnStep * patch.column;
  int u = 0;
  for (; u + 4 <= columns; u += 4) {
    depthwiseOutputs<4, WHOLE>(taps, patch, a + u * step, step, weights, padded, to + u * toStep, toStep, count);
  }
  for (; u < columns; u++) {
    depthwiseOutputs<1, WHOLE>(taps, patch, a + u * step, step, weights, padded, to + u * toStep, toStep, count);
  }
}

void depthwiseBlock(const ConvTask &task, const ConvPart &part, const float *weights, int n, int t, int u,
                    float *space) {
  const int rows = least(task.blockRows, part.rows - t), columns = least(task.blockColumns, part.columns - u);
  const int channels = task.groups, padded = paddedChannels(channels);
  float *base = task.targetAt(part, 0) + n * task.target.batch + t * part.row + u * part.column;
  if (part.taps.count() == 0) {
    for (int r = 0; r < rows; r++) {
      for (int q = 0; q < columns; q++) zeroFloats(base + r * part.row + q * part.column, channels);
    }
    return;
  }
  Patch patch;
  patch.take(part.taps, task.sourceAt(0, n), task.source, task.H, task.W, channels, t, u, rows, columns, space);
  for (int r = 0; r < rows; r++) {
    const float *a = patch.data + r * part.taps.rowStep * patch.row;
    float *to = base + r * part.row;
    int c = 0;
    for (; c + VECTOR <= channels; c += VECTOR) {
      depthwiseRow<true>(part.taps, patch, a + c, weights + c, padded, to + c, part.column, columns, VECTOR);
    }
    if (c < channels) {
      depthwiseRow<false>(part.taps, patch, a + c, weights + c, padded, to + c, part.column, columns, channels - c);
    }
  }
}

void runDepthwise(const Context &context, const int32_t *payload) {
  const ConvTask task(context, payload);
  packDepthwise(task);
  const int padded = paddedChannels(task.groups);
  forBlocks(task, 1, [&](const ConvPart &part, int, int n, int t, int u, float *space) {
    const float *weights = reinterpret_cast<const float *>(context.workspace);
    for (const ConvPart *it = task.part; it != &part; it++) weights += it->taps.count() * padded;
    depthwiseBlock(task, part, weights, n, t, u, space);
  });
}

// TAPS neighbouring taps of a row of taps, one vector of channels, all positions of a block.
template <int TAPS, bool WHOLE>
INLINE void depthwiseSums(const ConvWeightTask &task, const Patch &patch, const float *a, const float *gradients,
                          const int32_t *tapColumns, int rows, int columns, float *sums, Index pitch, int count) {
  const Taps &taps = task.taps;
  Vector total[TAPS];
  UNROLL for (int i = 0; i < TAPS; i++) total[i] = zeroVector();
  for (int r = 0; r < rows; r++) {
    const float *pixel = a + r * taps.rowStep * patch.row, *g = gradients + r * task.gradient.row;
    for (int q = 0; q < columns; q++, pixel += taps.columnStep * patch.column, g += task.gradient.column) {
      const Vector y = loadSome<WHOLE>(g, count);
      UNROLL for (int i = 0; i < TAPS; i++) {
        const float *p = pixel + (tapColumns[i] - taps.columns[0]) * patch.column;
        total[i] = multiplyAdd(loadSome<WHOLE>(p, count), y, total[i]);
      }
    }
  }
  UNROLL for (int i = 0; i < TAPS; i++) {
    float *p = sums + i * pitch;
    storeSome<WHOLE>(p, add(loadSome<WHOLE>(p, count), total[i]), count);
  }
}

template <bool WHOLE>
void depthwiseTaps(const ConvWeightTask &task, const Patch &patch, int channel, const float *gradients, int rows,
                   int columns, float *sums, int count) {
  const Taps &taps = task.taps;
  const Index pitch = task.groups;
  for (int r = 0; r < taps.rowCount; r++) {
    const float *a = patch.data + (taps.rows[r] - taps.rows[0]) * patch.row + channel;
    float *to = sums + Index(r) * taps.columnCount * pitch + channel;
    int c = 0;
    for (; c + 3 <= taps.columnCount; c += 3) {
      depthwiseSums<3, WHOLE>(task, patch, a, gradients + channel, taps.columns + c, rows, columns, to + c * pitch,
                              pitch, count);
    }
    for (; c < taps.columnCount; c++) {
      depthwiseSums<1, WHOLE>(task, patch, a, gradients + channel, taps.columns + c, rows, columns, to + c * pitch,
                              pitch, count);
    }
  }
}

void runDepthwiseWeight(const Context &context, const int32_t *payload) {
  const ConvWeightTask task(context, payload);
  const int channels = task.groups, taps = task.taps.count();
  const int down = ceilDivide(task.rows, task.blockRows), across = ceilDivide(task.columns, task.blockColumns);
  const int blocks = task.batch * down * across, perSplit = ceilDivide(blocks, task.splits);
  const Image &image = task.image, &gradient = task.gradient;
  forChunks(context, task.splits, [&](int split, int thread) {
    float *sums = task.sums(split, 0);
    zeroFloats(sums, Index(taps) * channels);
    for (int block = split * perSplit; block < least(blocks, (split + 1) * perSplit); block++) {
      const int u = block % across * task.blockColumns, t = block / across % down * task.blockRows;
      const int n = block / across / down;
      const int rows = least(task.blockRows, task.rows - t), columns = least(task.blockColumns, task.columns - u);
      const float *gradients = context.at<const float>(gradient.slot, gradient.offset) + n * gradient.batch +
                               t * gradient.row + u * gradient.column;
      Patch patch;
      patch.take(task.taps, context.at<const float>(image.slot, image.offset) + n * image.batch, image, task.H, task.W,
                 channels, t, u, rows, columns, task.space(thread));
      int c = 0;
      for (; c + VECTOR <= channels; c += VECTOR) {
        depthwiseTaps<true>(task, patch, c, gradients, rows, columns, sums, VECTOR);
      }
      if (c < channels) depthwiseTaps<false>(task, patch, c, gradients, rows, columns, sums, channels - c);
    }
  });
  float *weights = context.at<float>(task.weightSlot, task.weightOffset);
  for (int tap = 0; tap < taps; tap++) {
    for (int c = 0; c < channels; c++) {
      float sum = task.sums(0, 0)[Index(tap) * channels + c];
      for (int split = 1; split < task.splits; split++) sum += task.sums(split, 0)[Index(tap) * channels + c];
      weights[task.weightOffsets[tap] + c * task.weightGroup] = sum;
    }
  }
}

}  // namespace
