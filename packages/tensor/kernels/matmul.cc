#include "gemm.h"
#include "program.h"

// Batched matrix products with any strides.
// Payload: batches, M, N, K, splits of K, lines of B packed in front of all or 0, dims of the batch, sizes..., then slot, offset, row stride, column stride,
// batch strides... of a, b and c. The encoder swaps operands so that columns of C are next to each other if they can be.

namespace {

struct MatmulOperand {
  int slot, offset, row, column;
  const int32_t *batch;
};

struct MatmulTask {
  int batches, M, N, K, splits, packedLines, dims;
  const int32_t *sizes;
  MatmulOperand operands[3];

  explicit MatmulTask(const int32_t *payload) {
    Words in = {payload};
    batches = in.next();
    M = in.next();
    N = in.next();
    K = in.next();
    splits = in.next();
    packedLines = in.next();
    dims = in.next();
    sizes = in.at;
    in.at += dims;
    for (MatmulOperand &operand : operands) {
      operand.slot = in.next();
      operand.offset = in.next();
      operand.row = in.next();
      operand.column = in.next();
      operand.batch = in.at;
      in.at += dims;
    }
  }

  float *at(const Context &context, int which, int batch) const {
    const MatmulOperand &operand = operands[which];
    Index offset = operand.offset;
    for (int d = dims - 1; d >= 0; d--) {
      offset += Index(batch % sizes[d]) * operand.batch[d];
      batch /= sizes[d];
    }
    return context.at<float>(operand.slot, offset);
  }
};

struct MatmulSource {
  enum { isPacked = false };
  const float *a, *b;
  float *c;
  Index aRow, aColumn, bRow, bColumn, cRow, columnStride;
  const float *packed;  // B in panels over all of K, or null
  Index panelPitch;

  float *row(int m) const { return c + m * cRow; }
  const float *rows(float *space, int m, int count, int k, int length, int columns, Index &row, Index &step) const {
    return rowsOf(space, a + m * aRow + k * aColumn, aRow, aColumn, count, length, columns, row, step);
  }
  void packColumns(float *space, int n, int columns, int k, int length) const {
    if (packed != nullptr) return;
    packPanels(space, Index(length) * MICRO_COLUMNS, b + k * bRow + n * bColumn, bRow, bColumn, length, columns);
  }
  const float *panel(float *space, int n, int j, int columns, int k, int length, Index &step) const {
    step = microWidth(columns);
    if (packed != nullptr) return packed + (n + j) / MICRO_COLUMNS * panelPitch + k * step;
    return space + Index(j) * length;
  }
  // A line is 16 floats along the inner index or along rows.
  void aheadRows(int m, int k, Micro &micro) const {
    micro.ahead = a + m * aRow + k * aColumn;
    micro.aheadSegment = AHEAD_STEPS * aColumn;
    micro.aheadStep = aColumn == 1 ? aRow : aColumn;
  }
  // Call number `call` fetches 16 lines of one row of B for each segment, or of one column.
  void aheadColumns(int n, int columns, int k, int length, int call, Micro &micro) const {
    const int lines = call * micro.segments;
    if (packed != nullptr || lines >= (bColumn == 1 ? length : columns)) return;
    micro.ahead = b + k * bRow + n * bColumn + lines * (bColumn == 1 ? bRow : bColumn);
    micro.aheadSegment = bColumn == 1 ? bRow : bColumn;
    micro.aheadStep = 16;
  }
};

// Sum over K of up to 4 rows of A (each next to each other in memory) times a column of B that is too.
template <int ROWS> void dotColumn(const float *const *a, const float *b, int K, float *results) {
  Vector sums[ROWS][2];
  UNROLL for (int i = 0; i < ROWS; i++) sums[i][0] = sums[i][1] = zeroVector();
  int k = 0;
  for (; k + 2 * VECTOR <= K; k += 2 * VECTOR) {
    const Vector b0 = load(b + k), b1 = load(b + k + VECTOR);
    UNROLL for (int i = 0; i < ROWS; i++) {
      sums[i][0] = multiplyAdd(load(a[i] + k), b0, sums[i][0]);
      sums[i][1] = multiplyAdd(load(a[i] + k + VECTOR), b1, sums[i][1]);
    }
  }
  UNROLL for (int i = 0; i < ROWS; i++) {
    float lanes[VECTOR];
    store(lanes, add(sums[i][0], sums[i][1]));
    for (int half = VECTOR / 2; half > 0; half /= 2) {
      for (int l = 0; l < half; l++) lanes[l] += lanes[l + half];
    }
    float rest = 0.0f;
    for (int j = k; j < K; j++) rest += a[i][j] * b[j];
    results[i] = lanes[0] + rest;
  }
}

enum { DOT_ROWS = 4 };

// A few rows against columns that lie along K: nothing to pack, B is read once.
void dots(const MatmulSource &s, int M, int n0, int n1, int K) {
  static void (*const kernels[])(const float *const *, const float *, int, float *) = {
      dotColumn<1>, dotColumn<2>, dotColumn<3>, dotColumn<4>};
  const float *rows[DOT_ROWS];
  for (int i = 0; i < M; i++) rows[i] = s.a + i * s.aRow;
  for (int n = n0; n < n1; n++) {
    float results[DOT_ROWS];
    kernels[M - 1](rows, s.b + n * s.bColumn, K, results);
    for (int i = 0; i < M; i++) s.c[i * s.cRow + n * s.columnStride] = results[i];
  }
}

// Columns of a block: as many as are prepared together.
INLINE int blockColumns(int N) {
  return evenPart(ceilDivide(N, MICRO_COLUMNS), COLUMN_BLOCK / MICRO_COLUMNS) * MICRO_COLUMNS;
}

// Packs all of B once, where several blocks of rows would each do it.
void packAll(const Context &context, const MatmulTask &task, float *to, Index panelPitch, Index batchPitch) {
  const int columnBlocks = ceilDivide(task.N, COLUMN_BLOCK), innerBlocks = ceilDivide(task.K, INNER_BLOCK);
  const MatmulOperand &b = task.operands[1];
  forChunks(context, task.batches * columnBlocks * innerBlocks, [&](int chunk, int) {
    const int k = chunk % innerBlocks * INNER_BLOCK, n = chunk / innerBlocks % columnBlocks * COLUMN_BLOCK;
    const int batch = chunk / innerBlocks / columnBlocks;
    const int length = least(int(INNER_BLOCK), task.K - k), columns = least(int(COLUMN_BLOCK), task.N - n);
    const int whole = columns / MICRO_COLUMNS * MICRO_COLUMNS;
    const float *from = task.at(context, 1, batch) + k * b.row + n * b.column;
    float *panels = to + batch * batchPitch + n / MICRO_COLUMNS * panelPitch;
    packPanels(panels + k * MICRO_COLUMNS, panelPitch, from, b.row, b.column, length, whole);
    if (whole == columns) return;
    float *last = panels + whole / MICRO_COLUMNS * panelPitch + k * microWidth(columns - whole);
    packPanels(last, panelPitch, from + whole * b.column, b.row, b.column, length, columns - whole);
  });
}

void runMatmul(const Context &context, const int32_t *payload) {
  const MatmulTask task(payload);
  const int M = task.M, N = task.N, K = task.K, splits = task.splits;
  const MatmulOperand *o = task.operands;
  const int perSplit = ceilDivide(K, splits);
  const int columns = blockColumns(N);
  const int columnBlocks = ceilDivide(N, columns), inRows = rowBlocks(M, columnBlocks * splits * task.batches);
  const int blocks = inRows * columnBlocks * splits;
  const Index partialBytes = splits > 1 ? alignUp(Index(task.batches) * M * N * 4) : 0;
  float *const packed = reinterpret_cast<float *>(context.workspace);
  const Index panelPitch = Index(K) * MICRO_COLUMNS, batchPitch = panelPitch * ceilDivide(N, MICRO_COLUMNS);
  if (task.packedLines > 0) packAll(context, task, packed, panelPitch, batchPitch);
  uint8_t *threads = context.workspace + partialBytes * splits + Index(task.packedLines) * 64;
  const bool dot = M <= DOT_ROWS && o[0].column == 1 && o[1].row == 1 && splits == 1;
  // Small products of a batch share a chunk.
  const double work = double(ceilDivide(M, inRows)) * least(N, columns) * (perSplit + 16);
  const int units = task.batches * blocks;
  const int step = most(1, least(units, int(2e6 / (work + 1.0))));
  forChunks(context, ceilDivide(units, step), [&](int chunk, int thread) {
    GemmSpace &space = gemmSpace(threads, thread);
    for (int unit = chunk * step; unit < least(units, (chunk + 1) * step); unit++) {
      const int batch = unit / blocks, split = unit % splits;
      const int block = unit / splits % inRows, n = unit / splits / inRows % columnBlocks * columns;
      const int m = firstRow(M, inRows, block), rowsHere = firstRow(M, inRows, block + 1) - m, columnsHere = least(columns, N - n);
      MatmulSource source = {task.at(context, 0, batch), task.at(context, 1, batch), task.at(context, 2, batch),
                             o[0].row, o[0].column, o[1].row, o[1].column, o[2].row, o[2].column,
                             task.packedLines > 0 ? packed + batch * batchPitch : nullptr, panelPitch};
      if (splits > 1) {
        source.c = reinterpret_cast<float *>(context.workspace + partialBytes * split) + Index(batch) * M * N;
        source.cRow = N;
        source.columnStride = 1;
      }
      const int k = least(K, split * perSplit);
      if (dot) dots(source, M, n, n + columnsHere, K);
      else gemmBlock(source, space, m, rowsHere, n, columnsHere, k, least(K, k + perSplit), false);
    }
  });
  if (splits == 1) return;
  // Join the splits in order, a row of C at a time.
  const Index pitch = partialBytes / 4;
  const float *partials = reinterpret_cast<const float *>(context.workspace);
  const int rowsEach = most(1, 65536 / most(1, N * splits));
  forChunks(context, ceilDivide(task.batches * M, rowsEach), [&](int chunk, int) {
    for (int row = chunk * rowsEach; row < least(task.batches * M, (chunk + 1) * rowsEach); row++) {
      float *c = task.at(context, 2, row / M) + Index(row % M) * o[2].row;
      const float *p = partials + Index(row) * N;
      for (int n = 0; n < N; n++) {
        float sum = p[n];
        for (int split = 1; split < splits; split++) sum += p[split * pitch + n];
        c[Index(n) * o[2].column] = sum;
      }
    }
  });
}

}  // namespace
