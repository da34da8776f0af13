#include "tile.h"

// scatterAdd of few rows into a large table whose readers all take whole tiles (the gradient of an embedding): only the rows that are
// touched are summed, and tile.h's loadRows puts zeros in the place of the others. Sums are those of scatterAdd, bit for bit.
// Payload: rows of the table, width, count of sources, slot, offset, stride of the index, slot, offset, row stride, column stride of
// the source, slot of the result, columns a chunk. Workspace: a place for each source.

namespace {

void runScatterRows(const Context &context, const int32_t *payload) {
  Words in = {payload};
  const int rows = in.next(), width = in.next(), count = in.next();
  const int indexSlot = in.next(), indexOffset = in.next(), indexStep = in.next();
  const int sourceSlot = in.next(), sourceOffset = in.next();
  const Index rowStep = in.next(), columnStep = in.next();
  const int outSlot = in.next(), columns = in.next();
  const int32_t *index = context.at<const int32_t>(indexSlot, indexOffset);
  const float *source = context.at<const float>(sourceSlot, sourceOffset);
  int32_t *places = context.at<int32_t>(outSlot, 0);
  float *touched = context.at<float>(outSlot, rowsStart(rows));
  // Of each source: the place of its row, or -1 - place where it is the first there, or NOWHERE.
  enum { NOWHERE = 2147483647 };
  int32_t *where = reinterpret_cast<int32_t *>(context.workspace);
  for (int r = 0; r < rows; r++) places[r] = -1;
  int used = 0;
  for (int i = 0; i < count; i++) {
    const int32_t row = index[Index(i) * indexStep];
    if (row < 0 || row >= rows) {
      context.fail(FAULT_INDEX, row);
      where[i] = NOWHERE;
    } else if (places[row] < 0) {
      where[i] = -1 - used;
      places[row] = used++;
    } else {
      where[i] = places[row];
    }
  }
  forChunks(context, ceilDivide(width, columns), [&](int chunk, int) {
    const int from = chunk * columns, run = least(columns, width - from);
    for (int i = 0; i < count; i++) {
      if (where[i] == NOWHERE) continue;
      const bool first = where[i] < 0;
      float *to = touched + Index(first ? -1 - where[i] : where[i]) * width + from;
      const float *p = source + i * rowStep + from * columnStep;
      if (first) zeroFloats(to, run);
      if (columnStep == 1) VECTORIZE for (int c = 0; c < run; c++) to[c] += p[c];
      else for (int c = 0; c < run; c++) to[c] += p[c * columnStep];
    }
  });
}

}  // namespace
