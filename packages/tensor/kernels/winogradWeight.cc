#include "winograd.h"

// The gradient of a 3x3 convolution's weights by Winograd's algorithm (winograd.h): for each place a matrix product of transformed
// images with transformed output gradients, over all tiles:
//   dW = G' [sum over tiles of (B' d B) * (A dY A')] G
//
// Payload: batch, channels, outputs, image height and width, image, gradient image, its rows and columns, the first tap's row and
// column, weights {slot, offset, output stride, channel stride}, splits of the tiles, lines of places of a unit, tiles of a block,
// channels of a unit, whether all tiles are transformed first, and the weight offset of each of the 9 taps.
// Many tiles go block by block; each split has sums [place][channel][output] of its own, which are joined in order.

namespace {

struct WinogradWeightTask {
  const Context &context;
  int batch, channels, outputs, H, W;
  Image image, gradient;
  TileGrid tiles;
  int top, left;
  int weightSlot, weightOffset;
  Index weightOutput, weightChannel;
  int splits, lines, block, unitChannels;
  bool shared;
  const int32_t *weightOffsets;

  WinogradWeightTask(const Context &owner, const int32_t *payload) : context(owner) {
    Words in = {payload};
    batch = in.next();
    channels = in.next();
    outputs = in.next();
    H = in.next();
    W = in.next();
    image.read(in);
    gradient.read(in);
    tiles.batch = batch;
    tiles.rows = in.next();
    tiles.columns = in.next();
    top = in.next();
    left = in.next();
    weightSlot = in.next();
    weightOffset = in.next();
    weightOutput = in.next();
    weightChannel = in.next();
    splits = in.next();
    lines = in.next();
    block = in.next();
    unitChannels = in.next();
    shared = in.next() != 0;
    weightOffsets = in.at;
  }

  // Sums of a split, or of a unit where all tiles are transformed first.
  Index placeFloats() const { return shared ? Index(unitChannels) * MICRO_COLUMNS : Index(channels) * outputs; }
  Index splitFloats() const { return alignUp(PLACES * placeFloats() * 4) / 4; }
  // A thread transforms a line of places of a block of images and of gradients, or has sums of its own.
  Index threadFloats() const { return shared ? splitFloats() : 4 * block * (tilePitch(unitChannels) + tilePitch(outputs)); }
  float *workspace() const { return reinterpret_cast<float *>(context.workspace); }
};

// Transformed tiles [place][tile][channel] of images and of gradients.
struct WinogradOperands {
  const float *images, *gradients;
  Index pitch, place, outputPitch, outputPlace;
};

// Adds the products of a place's tiles, for some channels and outputs, to sums whose rows are `sumPitch` apart.
void multiplyPlace(const WinogradOperands &from, int place, int tiles, int channels, int outputs, bool stores, float *sums,
                   Index sumPitch) {
  const Index none[1] = {0};
  const int height = evenPart(channels, MICRO_ROWS);
  float *c[MICRO_ROWS];
  Micro m;
  m.segments = 1;
  m.length = m.total = tiles;
  m.aOffsets = m.bOffsets = none;
  m.aRow = 1;
  m.aStep = from.pitch;
  m.bStep = from.outputPitch;
  m.c = c;
  m.cStride = 1;
  m.accumulate = !stores;
  m.ahead = nullptr;
  for (int output = 0; output < outputs; output += MICRO_COLUMNS) {
    m.columns = least(int(MICRO_COLUMNS), outputs - output);
    m.column = output;
    m.b = from.gradients + place * from.outputPlace + output;
    for (int i = 0; i < channels; i += height) {
      const int rows = least(height, channels - i);
      for (int r = 0; r < rows; r++) c[r] = sums + (i + r) * sumPitch;
      m.a = from.images + place * from.place + i;
      microFor(rows, m.columns)(m);
    }
  }
}

// Transforms a line of places of the tiles [first, first + count), images from `channel` on.
void transformLine(const WinogradWeightTask &task, int line, int first, int count, int channel, int channels, float *images,
                   Index pitch, Index place, float *gradients, Index outputPitch, Index outputPlace) {
  const Image &image = task.image, &gradient = task.gradient;
  const float *source = task.context.at<const float>(image.slot, image.offset) + channel;
  transformTiles<4>(task.tiles, source, image, task.H, task.W, task.top, task.left, channels, line, first, count, images, pitch,
                    place);
  transformTiles<2>(task.tiles, task.context.at<const float>(gradient.slot, gradient.offset), gradient, task.tiles.rows,
                    task.tiles.columns, 0, 0, task.outputs, line, first, count, gradients, outputPitch, outputPlace);
}

// Joins splits of sums [place][row of `width`] of `count` numbers each, and takes G' S G in place: 9 taps.
void joinPlaces(float *sums, Index place, int count, int splits, Index pitch) {
  const float number = 0.5f;
  const Vector half = splat(&number);
  const auto join = [&](const Vector *s, Vector *out) {
    const Vector sum = multiply(half, add(s[1], s[2]));
    out[0] = add(s[0], sum);
    out[1] = multiply(half, subtract(s[1], s[2]));
    out[2] = add(sum, s[3]);
  };
  for (int i = 0; i < count; i += VECTOR) {
    const int lanes = least(int(VECTOR), count - i);
    Vector h[4][3];
    UNROLL for (int q = 0; q < 4; q++) {
      Vector s[4];
      UNROLL for (int r = 0; r < 4; r++) {
        const float *p = sums + (4 * r + q) * place + i;
        s[r] = loadFirst(p, lanes);
        for (int split = 1; split < splits; split++) s[r] = add(s[r], loadFirst(p + split * pitch, lanes));
      }
      join(s, h[q]);
    }
    UNROLL for (int y = 0; y < 3; y++) {
      const Vector s[4] = {h[0][y], h[1][y], h[2][y], h[3][y]};
      Vector out[3];
      join(s, out);
      UNROLL for (int x = 0; x < 3; x++) storeFirst(sums + (3 * y + x) * place + i, out[x], lanes);
    }
  }
}

// Few tiles: all are transformed, and a unit's sums become weights where they are.
void winogradWeightShared(const WinogradWeightTask &task) {
  const int count = task.tiles.count();
  const Index pitch = tilePitch(task.channels), outputPitch = tilePitch(task.outputs);
  float *const images = task.workspace(), *const gradients = images + PLACES * count * pitch;
  enum { RUN = 8 };
  const int runs = ceilDivide(count, RUN);
  forChunks(task.context, runs, [&](int chunk, int) {
    const int first = chunk * RUN;
    for (int line = 0; line < 4; line++) {
      transformLine(task, line, first, least(int(RUN), count - first), 0, task.channels,
                    images + (4 * line * count + first) * pitch, pitch, count * pitch,
                    gradients + (4 * line * count + first) * outputPitch, outputPitch, count * outputPitch);
    }
  });
  const int channelUnits = ceilDivide(task.channels, task.unitChannels), panels = ceilDivide(task.outputs, MICRO_COLUMNS);
  float *const weights = task.context.at<float>(task.weightSlot, task.weightOffset);
  forChunks(task.context, channelUnits * panels, [&](int chunk, int thread) {
    const int channel = chunk / panels * task.unitChannels, channels = least(task.unitChannels, task.channels - channel);
    const int output = chunk % panels * MICRO_COLUMNS, outputs = least(int(MICRO_COLUMNS), task.outputs - output);
    float *sums = gradients + PLACES * count * outputPitch + thread * task.threadFloats();
    const WinogradOperands from = {images + channel, gradients + output, pitch, count * pitch, outputPitch, count * outputPitch};
    for (int place = 0; place < PLACES; place++) {
      multiplyPlace(from, place, count, channels, outputs, true, sums + place * task.placeFloats(), MICRO_COLUMNS);
    }
    joinPlaces(sums, task.placeFloats(), channels * MICRO_COLUMNS, 1, 0);
    writeTaps(weights + channel * task.weightChannel + output * task.weightOutput, task.weightOutput, task.weightChannel,
              task.weightOffsets, 9, sums, task.placeFloats(), MICRO_COLUMNS, outputs, 0, channels);
  });
}

void runWinogradWeight(const Context &context, const int32_t *payload) {
  const WinogradWeightTask task(context, payload);
  if (task.shared) return winogradWeightShared(task);
  const int count = task.tiles.count(), blocks = ceilDivide(count, task.block), perSplit = ceilDivide(blocks, task.splits);
  const int units = ceilDivide(task.channels, task.unitChannels), groups = 4 / task.lines;
  const Index pitch = tilePitch(task.unitChannels), outputPitch = tilePitch(task.outputs);
  const Index place = task.block * pitch, outputPlace = task.block * outputPitch, sumPlace = task.placeFloats();
  forChunks(context, units * groups * task.splits, [&](int chunk, int thread) {
    const int split = chunk % task.splits, line = chunk / task.splits % groups * task.lines;
    const int channel = chunk / task.splits / groups * task.unitChannels;
    const int channels = least(task.unitChannels, task.channels - channel);
    float *images = task.workspace() + task.splits * task.splitFloats() + thread * task.threadFloats();
    float *gradients = images + 4 * place;
    float *sums = task.workspace() + split * task.splitFloats() + Index(channel) * task.outputs;
    const WinogradOperands from = {images, gradients, pitch, place, outputPitch, outputPlace};
    for (int block = split * perSplit; block < least(blocks, (split + 1) * perSplit); block++) {
      const int first = block * task.block, tiles = least(task.block, count - first);
      for (int i = line; i < line + task.lines; i++) {
        transformLine(task, i, first, tiles, channel, channels, images, pitch, place, gradients, outputPitch, outputPlace);
        for (int p = 0; p < 4; p++) {
          multiplyPlace(from, p, tiles, channels, task.outputs, block == split * perSplit, sums + (4 * i + p) * sumPlace,
                        task.outputs);
        }
      }
    }
  });
  const int step = most(1, 32768 / (task.outputs * PLACES * task.splits));
  float *const weights = context.at<float>(task.weightSlot, task.weightOffset);
  forChunks(context, ceilDivide(task.channels, step), [&](int chunk, int) {
    const int first = chunk * step, end = least(task.channels, first + step);
    joinPlaces(task.workspace() + Index(first) * task.outputs, sumPlace, (end - first) * task.outputs, task.splits,
               task.splitFloats());
    writeTaps(weights, task.weightOutput, task.weightChannel, task.weightOffsets, 9, task.workspace(), sumPlace, task.outputs,
              task.outputs, first, end);
  });
}

}  // namespace
