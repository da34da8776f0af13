#include "conv.h"

// The gradient of a convolution's weights: for each tap a matrix product of image channels with output gradients, over
// all positions. Both are read where they lie (the image as patches), in blocks of about 256 positions.
//
// Payload: groups, batch, channels and outputs of a group, image height and width, image, gradient image, its height
// and width, taps, weights {slot, offset, output stride, channel stride, group stride}, splits of the positions, images,
// rows and columns of a block, channels and columns of a unit,
// whether sums lie by outputs, floats of a patch, and the weight offset of each tap.
// Each split has sums [group][tap, channel][output] of its own; they are joined in order. A layer with few channels and
// outputs has [group][output][tap, channel] instead, where that fills vectors better: the rows of a tile are then outputs,
// and patches are its columns.

namespace {

struct ConvWeightTask {
  const Context &context;
  int groups, batch, channels, outputs, H, W;
  Image image, gradient;
  int rows, columns;
  Taps taps;
  int weightSlot, weightOffset;
  Index weightOutput, weightChannel, weightGroup;
  int splits, blockImages, blockRows, blockColumns, unitChannels, unitColumns;
  bool byOutputs;
  Index patchFloats;
  const int32_t *weightOffsets;

  ConvWeightTask(const Context &owner, const int32_t *payload) : context(owner) {
    Words in = {payload};
    groups = in.next();
    batch = in.next();
    channels = in.next();
    outputs = in.next();
    H = in.next();
    W = in.next();
    image.read(in);
    gradient.read(in);
    rows = in.next();
    columns = in.next();
    taps.read(in);
    weightSlot = in.next();
    weightOffset = in.next();
    weightOutput = in.next();
    weightChannel = in.next();
    weightGroup = in.next();
    splits = in.next();
    blockImages = in.next();
    blockRows = in.next();
    blockColumns = in.next();
    unitChannels = in.next();
    unitColumns = in.next();
    byOutputs = in.next() != 0;
    patchFloats = in.next();
    weightOffsets = in.at;
  }

  Index depth() const { return Index(taps.count()) * channels; }
  // Sums of one split.
  Index splitFloats() const { return alignUp(groups * depth() * outputs * 4) / 4; }
  float *sums(int split, int group) const {
    return reinterpret_cast<float *>(context.workspace) + split * splitFloats() + group * depth() * outputs;
  }
  // A thread copies the patches of a block and one panel of gradients.
  float *space(int thread) const {
    // Vectors may reach past the last patch into the panel's place.
    const Index threadFloats = alignUp((patchFloats * blockImages + positions() * MICRO_COLUMNS) * 4) / 4;
    return reinterpret_cast<float *>(context.workspace) + splits * splitFloats() + threadFloats * thread;
  }
  Index positions() const { return Index(blockImages) * blockRows * blockColumns; }
};

// A piece of the result: the channels [channel, channel + channels) and outputs [first, end) of a group.
struct ConvWeightUnit {
  int group, channel, channels, first, end;
};

// Adds what the block of images n.., rows t.., columns u.. gives a unit; the first block of a split stores it.
void addBlock(const ConvWeightTask &task, const ConvWeightUnit &unit, int n, int t, int u, bool stores, float *sums,
              float *space) {
  const Taps &taps = task.taps;
  const int images = least(task.blockImages, task.batch - n), rows = least(task.blockRows, task.rows - t);
  const int columns = least(task.blockColumns, task.columns - u), channels = unit.channels;
  const Image &from = task.gradient;
  const float *gradients = task.context.at<const float>(from.slot, from.offset) + n * from.batch + t * from.row +
                           u * from.column + Index(unit.group) * task.outputs * from.channel;
  Index sourceOffsets[MAX_SEGMENTS], gradientOffsets[MAX_SEGMENTS], packedOffsets[MAX_SEGMENTS];
  Patch patch = {};
  const float *data = nullptr;
  for (int i = 0; i < images; i++) {
    const float *source = task.context.at<const float>(task.image.slot, task.image.offset) +
                          (n + i) * task.image.batch +
                          (Index(unit.group) * task.channels + unit.channel) * task.image.channel;
    patch.take(taps, source, task.image, task.H, task.W, channels, t, u, rows, columns, space + i * task.patchFloats,
               task.byOutputs);
    if (i == 0) data = patch.data;
    for (int r = 0; r < rows; r++) {
      const int s = i * rows + r;
      sourceOffsets[s] = (patch.data - data) + r * taps.rowStep * patch.row;
      gradientOffsets[s] = i * from.batch + r * from.row;
      packedOffsets[s] = Index(s) * columns * MICRO_COLUMNS;
    }
  }
  const int joined = taps.columnsTouch() ? taps.columnCount : 1, run = joined * channels;
  float *c[MICRO_ROWS];
  Micro m;
  m.segments = images * rows;
  m.length = columns;
  m.total = m.segments * columns;
  m.ahead = nullptr;
  m.aOffsets = sourceOffsets;
  m.aRow = 1;
  m.aStep = taps.columnStep * patch.column;
  m.c = c;
  m.cStride = 1;
  m.accumulate = !stores;
  if (task.byOutputs) {
    m.aOffsets = gradientOffsets;
    m.aRow = from.channel;
    m.bOffsets = sourceOffsets;
    m.bStep = m.aStep;
    m.aStep = from.column;
    for (int tap = 0; tap < taps.count(); tap += joined) {
      const float *b = data + (taps.rows[tap / taps.columnCount] - taps.rows[0]) * patch.row +
                       (taps.columns[tap % taps.columnCount] - taps.columns[0]) * patch.column;
      for (int l = 0; l < run; l += MICRO_COLUMNS) {
        m.columns = least(int(MICRO_COLUMNS), run - l);
        m.column = tap * channels + l;
        m.b = b + l;
        const int tile = evenPart(unit.end - unit.first, MICRO_ROWS);
        for (int o = unit.first; o < unit.end; o += tile) {
          const int count = least(tile, unit.end - o);
          for (int i = 0; i < count; i++) c[i] = sums + (o + i) * task.depth();
          m.a = gradients + o * from.channel;
          microFor(count, m.columns)(m);
        }
      }
    }
    return;
  }
  float *packed = space + task.blockImages * task.patchFloats;
  for (int panel = unit.first; panel < unit.end; panel += MICRO_COLUMNS) {
    m.columns = least(int(MICRO_COLUMNS), unit.end - panel);
    m.column = panel;
    const int tile = evenPart(run, MICRO_ROWS);
    const float *b = gradients + panel * from.channel;
    // A copy pays when many rows read it.
    if (m.columns == microWidth(m.columns) && from.channel == 1 && taps.count() * channels < 64) {
      m.b = b;
      m.bOffsets = gradientOffsets;
      m.bStep = from.column;
    } else {
      m.b = packed;
      m.bOffsets = packedOffsets;
      m.bStep = microWidth(m.columns);
      for (int s = 0; s < m.segments; s++) {
        packPanels(packed + packedOffsets[s], 0, b + gradientOffsets[s], from.column, from.channel, columns, m.columns);
      }
    }
    for (int tap = 0; tap < taps.count(); tap += joined) {
      const float *a = data + (taps.rows[tap / taps.columnCount] - taps.rows[0]) * patch.row +
                       (taps.columns[tap % taps.columnCount] - taps.columns[0]) * patch.column;
      for (int l = 0; l < run; l += tile) {
        const int count = least(tile, run - l);
        for (int i = 0; i < count; i++) {
          const int row = (tap + (l + i) / channels) * task.channels + unit.channel + (l + i) % channels;
          c[i] = sums + Index(row) * task.outputs;
        }
        m.a = a + l;
        microFor(count, m.columns)(m);
      }
    }
  }
}

// Writes sums [tap][channel][output], rows of channels `rowPitch` apart, of the channels [first, end) to weights. Taps (or else channels) lie next to each other in the
// weights, outputs in the sums: four by four.
void writeTaps(float *weights, Index outputStride, Index channelStride, const int32_t *offsets, int taps, const float *all,
               Index tapPitch, int rowPitch, int outputs, int first, int end) {
  for (int o = 0; o < outputs; o += 4) {
    const int count = least(4, outputs - o);
    for (int channel = first; channel < end; channel++) {
      const float *sums = all + Index(channel) * rowPitch + o;
      float *to = weights + channel * channelStride + o * outputStride;
      for (int tap = 0; tap < taps;) {
        if (count == 4 && tapRun(offsets, tap, taps) == 1) {
          transposeFour(to + offsets[tap], outputStride, sums + tap * tapPitch, tapPitch);
          tap += 4;
        } else {
          float *q = to + offsets[tap];
          for (int i = 0; i < count; i++) q[i * outputStride] = sums[tap * tapPitch + i];
          tap++;
        }
      }
    }
  }
}

// Joins the splits of some channels of a group and writes them to the weights.
void writeWeights(const ConvWeightTask &task, int group, int first, int end) {
  const int outputs = task.outputs, taps = task.taps.count();
  const Index pitch = task.splitFloats(), tapPitch = Index(task.channels) * outputs;
  float *const weights = task.context.at<float>(task.weightSlot, task.weightOffset) + group * task.weightGroup;
  if (task.byOutputs) {
    float *sums = task.sums(0, group);
    for (int o = 0; o < outputs; o++) {
      for (int tap = 0; tap < taps; tap++) {
        for (int channel = first; channel < end; channel++) {
          const Index at = o * task.depth() + tap * task.channels + channel;
          float sum = sums[at];
          for (int split = 1; split < task.splits; split++) sum += sums[at + split * pitch];
          weights[task.weightOffsets[tap] + channel * task.weightChannel + o * task.weightOutput] = sum;
        }
      }
    }
    return;
  }
  for (int tap = 0; tap < taps && task.splits > 1; tap++) {
    float *sums = task.sums(0, group) + tap * tapPitch + Index(first) * outputs;
    const int count = (end - first) * outputs;
    for (int split = 1; split < task.splits; split++) {
      const float *other = sums + split * pitch;
      VECTORIZE for (int o = 0; o < count; o++) sums[o] += other[o];
    }
  }
  writeTaps(weights, task.weightOutput, task.weightChannel, task.weightOffsets, taps, task.sums(0, group), tapPitch, outputs,
            outputs, first, end);
}

void runConvWeight(const Context &context, const int32_t *payload) {
  const ConvWeightTask task(context, payload);
  const int down = ceilDivide(task.rows, task.blockRows), across = ceilDivide(task.columns, task.blockColumns);
  const int blocks = ceilDivide(task.batch, task.blockImages) * down * across;
  const int perSplit = ceilDivide(blocks, task.splits);
  const int columnUnits = ceilDivide(task.outputs, task.unitColumns);
  const int channelUnits = ceilDivide(task.channels, task.unitChannels);
  forChunks(context, task.groups * columnUnits * channelUnits * task.splits, [&](int chunk, int thread) {
    const int split = chunk % task.splits;
    ConvWeightUnit unit;
    unit.first = chunk / task.splits % columnUnits * task.unitColumns;
    unit.end = least(unit.first + task.unitColumns, task.outputs);
    unit.channel = chunk / task.splits / columnUnits % channelUnits * task.unitChannels;
    unit.channels = least(task.unitChannels, task.channels - unit.channel);
    unit.group = chunk / task.splits / columnUnits / channelUnits;
    float *sums = task.sums(split, unit.group);
    const int firstBlock = split * perSplit;
    for (int block = firstBlock; block < least(blocks, firstBlock + perSplit); block++) {
      const int u = block % across * task.blockColumns, t = block / across % down * task.blockRows;
      const int n = block / across / down * task.blockImages;
      addBlock(task, unit, n, t, u, block == firstBlock, sums, task.space(thread));
    }
    if (blocks == 0) zeroFloats(sums, task.depth() * task.outputs);
  });
  const int step = most(1, 32768 / (task.outputs * task.taps.count() * task.splits));
  const int parts = ceilDivide(task.channels, step);
  forChunks(context, task.groups * parts, [&](int chunk, int) {
    const int first = chunk % parts * step;
    writeWeights(task, chunk / parts, first, least(task.channels, first + step));
  });
}

}  // namespace
