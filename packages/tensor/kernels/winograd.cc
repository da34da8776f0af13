#include "winograd.h"

// Convolution forward and for the input's gradient by Winograd's algorithm (winograd.h).
//
// Payload: batch, source and target channels, source height and width, source image, target image, its rows and columns, the first
// tap's row and column, weights {slot, offset, source channel stride, target channel stride}, tiles of a block, columns of a unit,
// whether all tiles are transformed first, bytes of transformed weights, and the weight offset of each of the 9 taps.
//
// The weights are transformed once, into panels [panel][place][source channel][width]. A block of tiles is transformed and
// multiplied panel by panel: the 16 products of a panel stay in the second-level cache until they are the block's results.

namespace {

struct WinogradTask {
  const Context &context;
  int batch, sourceChannels, targetChannels, H, W;
  Image source, target;
  TileGrid tiles;
  int top, left;
  int weightSlot, weightOffset;
  Index weightSource, weightTarget;
  int block, unitColumns;
  bool shared;
  Index packedBytes;
  const int32_t *weightOffsets;

  WinogradTask(const Context &owner, const int32_t *payload) : context(owner) {
    Words in = {payload};
    batch = in.next();
    sourceChannels = in.next();
    targetChannels = in.next();
    H = in.next();
    W = in.next();
    source.read(in);
    target.read(in);
    tiles.batch = batch;
    tiles.rows = in.next();
    tiles.columns = in.next();
    top = in.next();
    left = in.next();
    weightSlot = in.next();
    weightOffset = in.next();
    weightSource = in.next();
    weightTarget = in.next();
    block = in.next();
    unitColumns = in.next();
    shared = in.next() != 0;
    packedBytes = Index(in.next()) * 64;
    weightOffsets = in.at;
  }

  int panels() const { return ceilDivide(targetChannels, MICRO_COLUMNS); }
  Index panelFloats() const { return Index(PLACES) * sourceChannels * MICRO_COLUMNS; }
  float *packedPanel(int panel) const { return reinterpret_cast<float *>(context.workspace) + panel * panelFloats(); }
  // Transformed tiles: of all, or of one thread's block.
  Index tileFloats() const { return alignUp((shared ? tiles.count() : block) * tilePitch(sourceChannels) * 4) / 4; }
  float *transformed(int thread) const {
    float *all = reinterpret_cast<float *>(context.workspace + packedBytes);
    return shared ? all : all + thread * threadFloats();
  }
  float *products(int thread) const {
    float *all = reinterpret_cast<float *>(context.workspace + packedBytes);
    return all + PLACES * tileFloats() + thread * threadFloats();
  }
  Index threadFloats() const {
    return (shared ? 0 : PLACES * tileFloats()) + Index(PLACES) * block * MICRO_COLUMNS;
  }
  void transform(int first, int count, float *to, Index place) const {
    const float *from = context.at<const float>(source.slot, source.offset);
    for (int line = 0; line < 4; line++) {
      transformTiles<4>(tiles, from, source, H, W, top, left, sourceChannels, line, first, count, to + 4 * line * place,
                        tilePitch(sourceChannels), place);
    }
  }
};

// Panels of G g G'.
void transformWeights(const WinogradTask &task) {
  enum { BLOCK = 16 };
  const int blocks = ceilDivide(task.sourceChannels, BLOCK);
  forChunks(task.context, task.panels() * blocks, [&](int chunk, int) {
    const int panel = chunk / blocks, first = chunk % blocks * BLOCK, channels = least(int(BLOCK), task.sourceChannels - first);
    const int column = panel * MICRO_COLUMNS, columns = least(int(MICRO_COLUMNS), task.targetChannels - column);
    const int width = microWidth(columns), count = channels * width;
    float taps[9][BLOCK * MICRO_COLUMNS];
    const float *weights = task.context.at<const float>(task.weightSlot, task.weightOffset);
    packTaps(weights + first * task.weightSource + column * task.weightTarget, task.weightSource, task.weightTarget,
             task.weightOffsets, 9, channels, taps[0], BLOCK * MICRO_COLUMNS, columns);
    float *to = task.packedPanel(panel) + first * width;
    const Index place = Index(task.sourceChannels) * width;
    const float number = 0.5f;
    const Vector half = splat(&number);
    const auto spread = [&](Vector a, Vector b, Vector c, Vector *out) {
      const Vector ends = multiply(half, add(a, c)), middle = multiply(half, b);
      out[0] = a;
      out[1] = add(ends, middle);
      out[2] = subtract(ends, middle);
      out[3] = c;
    };
    for (int i = 0; i < count; i += VECTOR) {
      Vector h[3][4];
      UNROLL for (int j = 0; j < 3; j++) spread(load(taps[j] + i), load(taps[3 + j] + i), load(taps[6 + j] + i), h[j]);
      UNROLL for (int r = 0; r < 4; r++) {
        Vector out[4];
        spread(h[0][r], h[1][r], h[2][r], out);
        UNROLL for (int q = 0; q < 4; q++) store(to + (4 * r + q) * place + i, out[q]);
      }
    }
  });
}

// Results A' m A of some tiles, from the products [place][block tiles][MICRO_COLUMNS] of a panel.
void writeTiles(const WinogradTask &task, const float *products, int first, int count, int panel) {
  const int column = panel * MICRO_COLUMNS, columns = least(int(MICRO_COLUMNS), task.targetChannels - column);
  const Index place = Index(task.block) * MICRO_COLUMNS;
  const int across = task.tiles.across(), down = task.tiles.down();
  float *const base = task.context.at<float>(task.target.slot, task.target.offset) + column;
  int u = first % across, t = first / across % down, n = first / across / down;
  for (int i = 0; i < count; i++, products += MICRO_COLUMNS) {
    float *to = base + n * task.target.batch + 2 * t * task.target.row + 2 * u * task.target.column;
    const bool below = 2 * t + 1 < task.tiles.rows, beside = 2 * u + 1 < task.tiles.columns;
    for (int v = 0; v < columns; v += VECTOR) {
      Vector upper[4], lower[4];
      UNROLL for (int q = 0; q < 4; q++) {
        const float *m = products + q * place + v;
        const Vector b = load(m + 4 * place), c = load(m + 8 * place);
        upper[q] = add(load(m), add(b, c));
        lower[q] = subtract(subtract(b, c), load(m + 12 * place));
      }
      const int lanes = least(int(VECTOR), columns - v);
      const auto put = [&](float *p, const Vector *m) {
        const Vector one = add(m[0], add(m[1], m[2])), two = subtract(subtract(m[1], m[2]), m[3]);
        storeFirst(p + v, one, lanes);
        if (beside) storeFirst(p + task.target.column + v, two, lanes);
      };
      put(to, upper);
      if (below) put(to + task.target.row, lower);
    }
    if (++u < across) continue;
    u = 0;
    if (++t < down) continue;
    t = 0;
    n++;
  }
}

void multiplyTiles(const WinogradTask &task, const float *tiles, Index place, int count, int panel, float *products) {
  const int columns = least(int(MICRO_COLUMNS), task.targetChannels - panel * MICRO_COLUMNS);
  const Index none[1] = {0}, pitch = tilePitch(task.sourceChannels);
  const int height = evenPart(count, MICRO_ROWS);
  float *c[MICRO_ROWS];
  Micro m;
  m.segments = 1;
  m.length = m.total = task.sourceChannels;
  m.aOffsets = m.bOffsets = none;
  m.aRow = pitch;
  m.aStep = 1;
  m.bStep = microWidth(columns);
  m.c = c;
  m.cStride = 1;
  m.column = 0;
  m.columns = int(m.bStep);
  m.accumulate = false;
  m.ahead = nullptr;
  m.b = task.packedPanel(panel);
  for (int p = 0; p < PLACES; p++, m.b += task.sourceChannels * m.bStep) {
    float *to = products + p * Index(task.block) * MICRO_COLUMNS;
    for (int i = 0; i < count; i += height) {
      const int rows = least(height, count - i);
      for (int r = 0; r < rows; r++) c[r] = to + (i + r) * MICRO_COLUMNS;
      m.a = tiles + p * place + i * pitch;
      microFor(rows, m.columns)(m);
    }
  }
}

void runWinograd(const Context &context, const int32_t *payload) {
  const WinogradTask task(context, payload);
  const int count = task.tiles.count(), blocks = ceilDivide(count, task.block);
  const Index pitch = tilePitch(task.sourceChannels), place = task.tileFloats();
  transformWeights(task);
  if (task.shared) {
    enum { RUN = 8 };
    forChunks(context, ceilDivide(count, RUN), [&](int chunk, int) {
      task.transform(chunk * RUN, least(int(RUN), count - chunk * RUN), task.transformed(0) + chunk * RUN * pitch, place);
    });
  }
  const int units = ceilDivide(task.targetChannels, task.unitColumns);
  forChunks(context, blocks * units, [&](int chunk, int thread) {
    const int first = chunk / units * task.block, tiles = least(task.block, count - first);
    const int column = chunk % units * task.unitColumns, end = least(task.targetChannels, column + task.unitColumns);
    float *transformed = task.transformed(thread), *products = task.products(thread);
    if (task.shared) transformed += first * pitch;
    else task.transform(first, tiles, transformed, place);
    for (int panel = column / MICRO_COLUMNS; panel * MICRO_COLUMNS < end; panel++) {
      multiplyTiles(task, transformed, place, tiles, panel, products);
      writeTiles(task, products, first, tiles, panel);
    }
  });
}

}  // namespace
