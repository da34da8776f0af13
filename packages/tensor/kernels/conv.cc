#include "conv.h"

// Convolution forward and for the input's gradient (see conv.h).
//
// Payload: groups, batch, source channels and target channels of a group, source height and width, source image,
// target image, weights {slot, offset, source channel stride, target channel stride, group stride}, direct, rows and
// columns of a direct block, floats of a patch, bytes of packed weights, number of parts, and each part: taps,
// target rows and columns, target offset, row and column strides, weight offset of each tap.
//
// Weights are packed once into panels [taps, source channels][micro-kernel columns]. Then either blocks of outputs read
// image patches in place (direct: best when there are few target channels), or image rows are gathered into packed
// panels of a blocked matrix product (best for deep, small images).

namespace {

struct ConvPart {
  Taps taps;
  int rows, columns;
  Index offset, row, column;
  const int32_t *weightOffsets;
  Index packed;  // where its packed weights start, in floats; groups follow each other
};

struct ConvTask {
  const Context &context;
  int groups, batch, sourceChannels, targetChannels, H, W;
  Image source, target;
  int weightSlot, weightOffset;
  Index weightSource, weightTarget, weightGroup;
  bool direct;
  int blockRows, blockColumns;
  Index patchFloats, packedBytes;
  int parts;
  ConvPart part[MAX_PARTS];

  ConvTask(const Context &owner, const int32_t *payload) : context(owner) {
    Words in = {payload};
    groups = in.next();
    batch = in.next();
    sourceChannels = in.next();
    targetChannels = in.next();
    H = in.next();
    W = in.next();
    source.read(in);
    target.read(in);
    weightSlot = in.next();
    weightOffset = in.next();
    weightSource = in.next();
    weightTarget = in.next();
    weightGroup = in.next();
    direct = in.next() != 0;
    blockRows = in.next();
    blockColumns = in.next();
    patchFloats = in.next();
    packedBytes = Index(in.next()) * 64;
    parts = in.next();
    Index packed = 0;
    for (int i = 0; i < parts; i++) {
      ConvPart &it = part[i];
      it.taps.read(in);
      it.rows = in.next();
      it.columns = in.next();
      it.offset = in.next();
      it.row = in.next();
      it.column = in.next();
      it.weightOffsets = in.at;
      in.at += it.taps.count();
      it.packed = packed;
      packed += groups * panelFloats(it) * panels();
    }
  }

  int panels() const { return ceilDivide(targetChannels, MICRO_COLUMNS); }
  int panelWidth(int panel) const {
    return microWidth(least(int(MICRO_COLUMNS), targetChannels - panel * MICRO_COLUMNS));
  }
  int depth(const ConvPart &it) const { return it.taps.count() * sourceChannels; }
  Index panelFloats(const ConvPart &it) const { return Index(depth(it)) * MICRO_COLUMNS; }
  float *packedPanel(const ConvPart &it, int group, int panel) const {
    const Index index = Index(group) * panels() + panel;
    return reinterpret_cast<float *>(context.workspace) + it.packed + index * panelFloats(it);
  }
  const float *sourceAt(int group, int n) const {
    return context.at<float>(source.slot, source.offset) + n * source.batch +
           Index(group) * sourceChannels * source.channel;
  }
  float *targetAt(const ConvPart &it, int group) const {
    return context.at<float>(target.slot, target.offset) + it.offset +
           Index(group) * targetChannels * target.channel;
  }
  uint8_t *threads() const { return context.workspace + packedBytes; }
};

// Four taps from `tap` on lie next to each other in memory, upwards (1) or downwards (-1); else 0.
INLINE int tapRun(const int32_t *offsets, int tap, int count) {
  if (tap + 4 > count) return 0;
  const int step = offsets[tap + 1] - offsets[tap];
  const bool even = offsets[tap + 2] - offsets[tap + 1] == step && offsets[tap + 3] - offsets[tap + 2] == step;
  return even && (step == 1 || step == -1) ? step : 0;
}

// Weights of some source channels, `along` apart, and `columns` target channels, `across` apart, whose taps lie innermost:
// to[tap * pitch + source channel * width + target channel], in blocks that fit the first-level cache.
void packTaps(const float *weights, Index along, Index across, const int32_t *offsets, int taps, int channels, float *to,
              Index pitch, int columns) {
  const int width = microWidth(columns);
  if (columns < width) for (int tap = 0; tap < taps; tap++) zeroFloats(to + tap * pitch, Index(channels) * width);
  enum { BLOCK = 16 };
  for (int first = 0; first < channels; first += BLOCK) {
    for (int t = 0; t < columns; t += 4) {
      const int count = least(4, columns - t);
      for (int s = first; s < least(channels, first + BLOCK); s++) {
        const float *from = weights + s * along + t * across;
        float *q = to + s * width + t;
        for (int tap = 0; tap < taps;) {
          const int step = count == 4 ? tapRun(offsets, tap, taps) : 0;
          if (step != 0) {
            const int lowest = step > 0 ? tap : tap + 3;
            transposeFour(q + lowest * pitch, step * pitch, from + offsets[lowest], across);
            tap += 4;
          } else {
            for (int i = 0; i < count; i++) q[tap * pitch + i] = from[offsets[tap] + i * across];
            tap++;
          }
        }
      }
    }
  }
}

void packWeights(const ConvTask &task) {
  const int panels = task.panels();
  forChunks(task.context, task.groups * panels, [&](int chunk, int) {
    const int group = chunk / panels, panel = chunk % panels;
    const int first = panel * MICRO_COLUMNS, columns = least(int(MICRO_COLUMNS), task.targetChannels - first);
    const float *weights = task.context.at<const float>(task.weightSlot, task.weightOffset) +
                           group * task.weightGroup + first * task.weightTarget;
    for (int i = 0; i < task.parts; i++) {
      const ConvPart &part = task.part[i];
      float *to = task.packedPanel(part, group, panel);
      if (task.weightSource != 1 && task.weightTarget != 1) {
        packTaps(weights, task.weightSource, task.weightTarget, part.weightOffsets, part.taps.count(), task.sourceChannels,
                 to, Index(task.sourceChannels) * microWidth(columns), columns);
        continue;
      }
      for (int tap = 0; tap < part.taps.count(); tap++) {
        packPanels(to, 0, weights + part.weightOffsets[tap], task.weightSource, task.weightTarget, task.sourceChannels,
                   columns);
        to += Index(task.sourceChannels) * microWidth(columns);
      }
    }
  });
}

// A part as a matrix product: rows are target positions, the inner index is (tap, source channel).
struct ConvSource {
  enum { isPacked = true };
  const ConvTask &task;
  const ConvPart &part;
  int group;
  float *base;
  Index columnStride;

  ConvSource(const ConvTask &owner, const ConvPart &it, int g)
      : task(owner), part(it), group(g), base(owner.targetAt(it, g)), columnStride(owner.target.channel) {}

  float *row(int m) const {
    const int u = m % part.columns, t = m / part.columns % part.rows, n = m / part.columns / part.rows;
    return base + n * task.target.batch + t * part.row + u * part.column;
  }

  const float *rows(float *space, int m, int rows, int k, int count, int, Index &row, Index &step) const {
    row = ROW_PITCH;
    step = 1;
    float *to = space;
    const Taps &taps = part.taps;
    const int channels = task.sourceChannels;
    for (int i = 0; i < rows; i++, to += ROW_PITCH) {
      const int u = (m + i) % part.columns, t = (m + i) / part.columns % part.rows;
      const float *image = task.sourceAt(group, (m + i) / part.columns / part.rows);
      const int top = t * taps.rowStep, left = u * taps.columnStep;
      int tap = k / channels, channel = k % channels;
      for (int done = 0; done < count; tap++, channel = 0) {
        const int run = least(channels - channel, count - done);
        const int h = top + taps.rows[tap / taps.columnCount], w = left + taps.columns[tap % taps.columnCount];
        if (h < 0 || h >= task.H || w < 0 || w >= task.W) {
          zeroFloats(to + done, run);
        } else {
          const Image &source = task.source;
          const float *from = image + h * source.row + w * source.column + channel * source.channel;
          if (source.channel == 1) copyFloats(to + done, from, run);
          else for (int c = 0; c < run; c++) to[done + c] = from[c * source.channel];
        }
        done += run;
      }
    }
    return space;
  }

  void aheadRows(int, int, Micro &) const {}
  void aheadColumns(int, int, int, int, int, Micro &) const {}
  void packColumns(float *, int, int, int, int) const {}
  const float *panel(float *, int n, int j, int columns, int k, int, Index &step) const {
    step = microWidth(columns);
    return task.packedPanel(part, group, (n + j) / MICRO_COLUMNS) + k * step;
  }
};

// Columns of a block: deep, small images have few rows, and there should be some blocks for the threads.
enum { CONV_COLUMNS = 256 };

void convPacked(const ConvTask &task) {
  const int columnPart = evenPart(task.panels(), CONV_COLUMNS / MICRO_COLUMNS) * MICRO_COLUMNS;
  const int columnParts = ceilDivide(task.targetChannels, columnPart);
  int units[MAX_PARTS + 1], blocks[MAX_PARTS];
  units[0] = 0;
  for (int i = 0; i < task.parts; i++) {
    const int M = task.batch * task.part[i].rows * task.part[i].columns;
    blocks[i] = rowBlocks(M, columnParts * task.groups);
    units[i + 1] = units[i] + task.groups * columnParts * blocks[i];
  }
  forChunks(task.context, units[task.parts], [&](int number, int thread) {
    // The last parts have the most taps: they go first, so that threads end together.
    const int chunk = units[task.parts] - 1 - number;
    int i = 0;
    while (chunk >= units[i + 1]) i++;
    const ConvPart &part = task.part[i];
    int unit = chunk - units[i];
    const int n = unit % columnParts * columnPart, group = unit / columnParts % task.groups;
    const int block = unit / columnParts / task.groups, M = task.batch * part.rows * part.columns;
    const int m = firstRow(M, blocks[i], block), end = firstRow(M, blocks[i], block + 1);
    const ConvSource source(task, part, group);
    gemmBlock(source, gemmSpace(task.threads(), thread), m, end - m, n,
              least(columnPart, task.targetChannels - n), 0, task.depth(part), false);
  });
}

// Weights of a panel that stay in the second-level cache while a block's positions pass.
enum { DIRECT_FLOATS = 48 << 10 };

// All target channels of a block of positions.
void directBlock(const ConvTask &task, const ConvPart &part, int group, int n, int t, int u, float *space) {
  const Taps &taps = part.taps;
  const int rows = least(task.blockRows, part.rows - t), columns = least(task.blockColumns, part.columns - u);
  const int channels = task.sourceChannels;
  Patch patch = {};
  if (taps.count() > 0) patch.take(taps, task.sourceAt(group, n), task.source, task.H, task.W, channels, t, u, rows,
                                   columns, space);
  // A segment is a row of taps if those lie next to each other, else one tap.
  const int joined = taps.columnsTouch() ? most(1, taps.columnCount) : 1;
  const int perRow = taps.columnCount / joined, segments = taps.rowCount * perRow;
  Index sourceOffsets[MAX_SEGMENTS], weightOffsets[MAX_SEGMENTS];
  float *const base = task.targetAt(part, group) + n * task.target.batch + t * part.row + u * part.column;
  float *c[MICRO_ROWS];
  Micro m;
  m.ahead = nullptr;
  m.length = joined * channels;
  m.aRow = taps.columnStep * patch.column;
  m.aStep = 1;
  m.c = c;
  m.cStride = task.target.channel;
  const int pass = most(1, int(DIRECT_FLOATS) / (m.length * MICRO_COLUMNS));
  for (int panel = 0; panel < task.panels(); panel++) {
    const int first = panel * MICRO_COLUMNS;
    m.columns = least(int(MICRO_COLUMNS), task.targetChannels - first);
    m.column = first * m.cStride;
    const int tile = evenPart(columns, MICRO_ROWS);
    m.bStep = microWidth(m.columns);
    m.b = task.packedPanel(part, group, panel);
    for (int s = 0; s < segments; s++) {
      sourceOffsets[s] = (taps.rows[s / perRow] - taps.rows[0]) * patch.row +
                         (taps.columns[s % perRow * joined] - taps.columns[0]) * patch.column;
      weightOffsets[s] = s * m.length * m.bStep;
    }
    // A part that no tap reaches runs once with nothing to add, which stores zeros.
    for (int s = 0; s < most(1, segments); s += pass) {
      m.segments = least(pass, segments - s);
      m.total = m.segments * m.length;
      m.aOffsets = sourceOffsets + s;
      m.bOffsets = weightOffsets + s;
      m.accumulate = s > 0;
      for (int r = 0; r < rows; r++) {
        for (int q = 0; q < columns; q += tile) {
          const int count = least(tile, columns - q);
          for (int i = 0; i < count; i++) c[i] = base + r * part.row + (q + i) * part.column;
          m.a = patch.data + r * taps.rowStep * patch.row + q * m.aRow;
          microFor(count, m.columns)(m);
        }
      }
    }
  }
}

// Calls body(part, group, n, t, u, space) for each block of positions of each part, in chunks of one block.
template <class Body> void forBlocks(const ConvTask &task, int groups, const Body &body) {
  int units[MAX_PARTS + 1];
  units[0] = 0;
  for (int i = 0; i < task.parts; i++) {
    const ConvPart &part = task.part[i];
    units[i + 1] = units[i] + groups * task.batch * ceilDivide(part.rows, task.blockRows) *
                                  ceilDivide(part.columns, task.blockColumns);
  }
  const Index threadBytes = alignUp(task.patchFloats * 4);
  forChunks(task.context, units[task.parts], [&](int chunk, int thread) {
    int i = 0;
    while (chunk >= units[i + 1]) i++;
    const ConvPart &part = task.part[i];
    int unit = chunk - units[i];
    const int across = ceilDivide(part.columns, task.blockColumns), down = ceilDivide(part.rows, task.blockRows);
    const int u = unit % across * task.blockColumns, t = unit / across % down * task.blockRows;
    unit /= across * down;
    float *space = reinterpret_cast<float *>(task.threads() + threadBytes * thread);
    body(part, unit % groups, unit / groups, t, u, space);
  });
}

void runConv(const Context &context, const int32_t *payload) {
  const ConvTask task(context, payload);
  packWeights(task);
  if (!task.direct) return convPacked(task);
  forBlocks(task, task.groups, [&](const ConvPart &part, int group, int n, int t, int u, float *space) {
    directBlock(task, part, group, n, t, u, space);
  });
}

}  // namespace
