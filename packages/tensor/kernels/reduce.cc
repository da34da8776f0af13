#include "accumulate.h"
#include "tile.h"

// Reduce groups: a tile program whose results are reduced. The index space is ordered [outer, reduced, inner]: outer
// and inner dimensions are kept, inner ones (if any) are the innermost in memory, so that lanes run along memory
// whether rows or columns are summed.
//
// Payload: outer, reduced, inner, tile, layout, splits, units a chunk, registers, number of reductions, words of the
// prologue, words of the body, {op, register, record} of each reduction, prologue, body, records.
// A unit is a block of at most `tile` results over one of `splits` ranges of the reduced index; the partial results of
// splits are joined in order.

namespace {

// Whole [reduced, inner] segments fit a tile, several of them; or each result takes several tiles.
enum ReduceLayout { LAYOUT_SEGMENTS, LAYOUT_LANES };

// After so many tiles lanes are added to a second set of lanes, so that long sums stay accurate.
enum { FLUSH_TILES = 64 };

struct Reduction {
  int op;
  int source;
  const int32_t *record;
};

struct ReduceTask {
  const Context &context;
  const int32_t *payload;
  int outer, reduced, inner, tile, layout, splits, step, registers, count;
  const int32_t *prologue, *body, *end;
  Reduction reductions[MAX_REDUCTIONS];
  Index registerBytes, threadBytes, partialBytes;
  uint8_t *threads;

  ReduceTask(const Context &owner, const int32_t *words) : context(owner), payload(words) {
    Words in = {words};
    outer = in.next();
    reduced = in.next();
    inner = in.next();
    tile = in.next();
    layout = in.next();
    splits = in.next();
    step = in.next();
    registers = in.next();
    count = in.next();
    const int prologueWords = in.next(), bodyWords = in.next();
    for (int i = 0; i < count; i++) {
      const int op = in.next(), source = in.next();
      reductions[i] = {op, source, words + in.next()};
    }
    prologue = in.at;
    body = prologue + prologueWords;
    end = body + bodyWords;
    const Index lanes = alignUp(Index(tile) * 4);
    registerBytes = alignUp(Index(registers) * tile * 4);
    threadBytes = registerBytes + lanes * (3 * count + 1);
    partialBytes = splits > 1 ? alignUp(Index(outer) * inner * 4) : 0;
    threads = context.workspace + partialBytes * splits * count * 2;
  }

  // Partial results of a split: values, or with `which` 1 positions.
  int32_t *partial(int reduction, int split, int which) const {
    return reinterpret_cast<int32_t *>(context.workspace + partialBytes * ((reduction * 2 + which) * splits + split));
  }
};

// Segments of one tile, each reduced where it lies.
void reduceSegments(const ReduceTask &task, Tiles &tiles, int32_t *results, int start, int n) {
  const int inner = task.inner, reduced = task.reduced;
  const int segments = n / (reduced * inner);
  for (int i = 0; i < task.count; i++) {
    const Reduction &reduction = task.reductions[i];
    const int32_t *values = static_cast<const int32_t *>(tiles.at[reduction.source]);
    if (inner == 1) {
      for (int s = 0; s < segments; s++) results[s] = reduceRow(reduction.op, values + s * reduced, reduced);
      storeRecord(task.context, reduction.record, results, start / reduced, segments);
      continue;
    }
    const Accumulator sums = {reduction.op, results, results + task.tile};
    sums.start(segments * inner);
    int32_t *positions = results + 2 * task.tile;
    for (int s = 0; s < segments; s++) {
      for (int r = 0; r < reduced; r++) {
        if (isArgmax(reduction.op)) for (int k = 0; k < inner; k++) positions[k] = r;
        sums.join(s * inner, values + (s * reduced + r) * inner, positions, inner);
      }
    }
    storeRecord(task.context, reduction.record, sums.result(), start / reduced, segments * inner);
  }
}

void runSegments(const ReduceTask &task) {
  const int elements = task.outer * task.reduced * task.inner;
  forChunks(task.context, ceilDivide(elements, task.step), [&](int chunk, int thread) {
    uint8_t *memory = task.threads + task.threadBytes * thread;
    int32_t *results = reinterpret_cast<int32_t *>(memory + task.registerBytes);
    Tiles tiles(task.context, task.payload, memory, task.tile);
    const int first = chunk * task.step, end = first + least(task.step, elements - first);
    tiles.run(task.prologue, task.body, first, least(task.tile, end - first));
    for (int start = first; start < end; start += least(task.tile, end - start)) {
      const int n = least(task.tile, end - start);
      tiles.run(task.body, task.end, start, n);
      reduceSegments(task, tiles, results, start, n);
    }
  });
}

// The lanes of one thread: for each reduction values and positions, and a second set of values for long sums.
struct Lanes {
  const ReduceTask &task;
  Accumulator sums[MAX_REDUCTIONS];
  int32_t *second[MAX_REDUCTIONS];
  int32_t *rows;  // the reduced index of each lane of a tile, counted from the tile's first
  int rowsFirst, rowsFilled;

  Lanes(const ReduceTask &owner, uint8_t *memory) : task(owner), rowsFirst(0), rowsFilled(0) {
    const Index lanes = alignUp(Index(task.tile) * 4);
    for (int i = 0; i < task.count; i++, memory += 3 * lanes) {
      int32_t *values = reinterpret_cast<int32_t *>(memory);
      sums[i] = {task.reductions[i].op, values, reinterpret_cast<int32_t *>(memory + lanes)};
      second[i] = reinterpret_cast<int32_t *>(memory + 2 * lanes);
    }
    rows = reinterpret_cast<int32_t *>(memory);
  }

  void start(int n) {
    for (int i = 0; i < task.count; i++) sums[i].start(n);
  }

  // A tile of one long row becomes a single value first.
  static void addRow(const Accumulator &sums, const int32_t *values, int row, int n) {
    int32_t value = reduceRow(sums.op, values, n), position = row + value;
    if (isArgmax(sums.op)) value = values[value];
    sums.join(0, &value, &position, 1);
  }

  // Adds n lanes whose first has reduced index `row`; every `inner` lanes it grows by one.
  void add(const Tiles &tiles, int row, int n, int inner) {
    for (int i = 0; i < task.count; i++) {
      if (task.inner == 1) {
        addRow(sums[i], static_cast<const int32_t *>(tiles.at[task.reductions[i].source]), row, n);
        continue;
      }
      if (isArgmax(sums[i].op) && (rowsFirst != row || rowsFilled < n)) {
        for (int first = 0, r = row; first < n; first += inner, r++) {
          for (int k = first; k < least(first + inner, n); k++) rows[k] = r;
        }
        rowsFirst = row;
        rowsFilled = n;
      }
      sums[i].join(0, tiles.at[task.reductions[i].source], rows, n);
    }
  }

  void flush(int n, bool isFirst) {
    for (int i = 0; i < task.count; i++) {
      if (sums[i].op != REDUCE_SUM) continue;
      const Accumulator other = {REDUCE_SUM, second[i], nullptr};
      if (isFirst) copyBytes(second[i], sums[i].values, Index(n) * 4);
      else other.join(0, sums[i].values, nullptr, n);
      sums[i].start(n);
    }
  }

  void unflush(int n) {
    for (int i = 0; i < task.count; i++) {
      if (sums[i].op == REDUCE_SUM) sums[i].join(0, second[i], nullptr, n);
    }
  }
};

// Results [at, at + width) of outer index o, over the reduced indices of one split.
void reduceUnit(const ReduceTask &task, Tiles &tiles, Lanes &lanes, int o, int at, int width, int split) {
  const int perSplit = ceilDivide(task.reduced, task.splits);
  const int from = least(split * perSplit, task.reduced), to = least(from + perSplit, task.reduced);
  const int rows = task.inner <= task.tile ? most(1, task.tile / most(1, task.inner)) : 1;
  const int lanesUsed = task.inner == 1 ? 1 : least(rows, most(1, to - from)) * width;
  lanes.start(lanesUsed);
  int tilesDone = 0;
  bool flushed = false;
  for (int r = from; r < to; r += rows) {
    const int n = least(rows, to - r) * width;
    tiles.run(task.body, task.end, (o * task.reduced + r) * task.inner + at, n);
    lanes.add(tiles, r, n, width);
    if (++tilesDone % FLUSH_TILES == 0) {
      lanes.flush(lanesUsed, !flushed);
      flushed = true;
    }
  }
  if (flushed) lanes.unflush(lanesUsed);
  for (int i = 0; i < task.count; i++) {
    const Accumulator &sums = lanes.sums[i];
    sums.fold(lanesUsed / width, width);
    const int result = o * task.inner + at;
    if (task.splits == 1) {
      storeRecord(task.context, task.reductions[i].record, sums.result(), result, width);
      continue;
    }
    copyBytes(task.partial(i, split, 0) + result, sums.values, Index(width) * 4);
    if (isArgmax(sums.op)) copyBytes(task.partial(i, split, 1) + result, sums.positions, Index(width) * 4);
  }
}

void runLanes(const ReduceTask &task) {
  const int blocks = ceilDivide(task.inner, task.tile);
  const int units = task.outer * blocks * task.splits;
  forChunks(task.context, ceilDivide(units, task.step), [&](int chunk, int thread) {
    uint8_t *memory = task.threads + task.threadBytes * thread;
    Tiles tiles(task.context, task.payload, memory, task.tile);
    Lanes lanes(task, memory + task.registerBytes);
    if (task.reduced > 0) tiles.run(task.prologue, task.body, 0, least(task.tile, task.reduced * task.inner));
    for (int unit = chunk * task.step; unit < least(units, (chunk + 1) * task.step); unit++) {
      const int split = unit % task.splits, block = unit / task.splits % blocks, o = unit / task.splits / blocks;
      const int at = block * task.tile;
      reduceUnit(task, tiles, lanes, o, at, least(task.tile, task.inner - at), split);
    }
  });
  if (task.splits == 1) return;
  const int results = task.outer * task.inner;
  for (int i = 0; i < task.count; i++) {
    const Accumulator sums = {task.reductions[i].op, task.partial(i, 0, 0), task.partial(i, 0, 1)};
    for (int split = 1; split < task.splits; split++) {
      sums.join(0, task.partial(i, split, 0), task.partial(i, split, 1), results);
    }
    storeRecord(task.context, task.reductions[i].record, sums.result(), 0, results);
  }
}

void runReduce(const Context &context, const int32_t *payload) {
  const ReduceTask task(context, payload);
  if (task.layout == LAYOUT_SEGMENTS) runSegments(task);
  else runLanes(task);
}

}  // namespace
