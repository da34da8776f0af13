#include "tile.h"

// gather and scatterAdd along an axis, in rows of the innermost dimension: where an index covers a whole row, the row
// moves as a block.
//
// gather payload: dims, element bytes, axis size, axis stride of x, rows a chunk, slot and offset of x, index, out, sizes,
// strides of x (0 along the axis), index, out.
// scatterAdd payload: dims, add (0 f32, 1 i32, 2 byte), axis, split dimension, indices of it a chunk, slot and offset of
// index, source, out, sizes of index, sizes of out, strides of index, source, out.
// Indices out of range set the guard: the first of each chunk is remembered, the first chunk's counts.

namespace {

struct Faults {
  const Context &context;
  int32_t (*found)[2];

  Faults(const Context &owner, int chunks) : context(owner) {
    found = reinterpret_cast<int32_t(*)[2]>(owner.workspace);
    for (int i = 0; i < chunks; i++) found[i][0] = 0;
  }
  void note(int chunk, int value) const {
    if (found[chunk][0] != 0) return;
    found[chunk][0] = 1;
    found[chunk][1] = value;
  }
  void report(int chunks, int fault) const {
    for (int i = 0; i < chunks; i++) if (found[i][0] != 0) return context.fail(fault, found[i][1]);
  }
};

// Offsets of three operands at a row: an index of all dimensions but the last.
struct RowOffsets {
  Index a, b, c;

  RowOffsets(int dims, const int32_t *sizes, const int32_t *a_, const int32_t *b_, const int32_t *c_, int row)
      : a(0), b(0), c(0) {
    for (int d = dims - 2; d >= 0; d--) {
      const int i = row % sizes[d];
      row /= sizes[d];
      a += Index(i) * a_[d];
      b += Index(i) * b_[d];
      c += Index(i) * c_[d];
    }
  }
};

template <class T> INLINE void copyRow(T *to, Index toStep, const T *from, Index fromStep, int count) {
  if (toStep == 1 && fromStep == 1) copyBytes(to, from, Index(count) * Index(sizeof(T)));
  else for (int i = 0; i < count; i++) to[i * toStep] = from[i * fromStep];
}

template <class T> void gatherRows(const Context &context, const int32_t *payload) {
  Words in = {payload};
  const int dims = in.next();
  in.next();
  const int axisSize = in.next();
  const Index axisStride = in.next();
  const int step = in.next();
  const int xSlot = in.next(), xOffset = in.next(), indexSlot = in.next(), indexOffset = in.next();
  const int outSlot = in.next(), outOffset = in.next();
  const int32_t *sizes = in.at, *xStrides = sizes + dims;
  const int32_t *indexStrides = xStrides + dims, *outStrides = indexStrides + dims;
  const T *x = context.at<const T>(xSlot, xOffset);
  const int32_t *index = context.at<const int32_t>(indexSlot, indexOffset);
  T *out = context.at<T>(outSlot, outOffset);
  const int last = dims - 1, count = sizes[last];
  const Index xStep = xStrides[last], indexStep = indexStrides[last], outStep = outStrides[last];
  int rows = 1;
  for (int d = 0; d < last; d++) rows *= sizes[d];
  const int chunks = ceilDivide(rows, step);
  const Faults faults(context, chunks);
  forChunks(context, chunks, [&](int chunk, int) {
    for (int row = chunk * step; row < least(rows, (chunk + 1) * step); row++) {
      const RowOffsets at(dims, sizes, xStrides, indexStrides, outStrides, row);
      const int32_t *indices = index + at.b;
      const T *from = x + at.a;
      T *to = out + at.c;
      const int run = indexStep == 0 ? count : 1;
      for (int i = 0; i < count; i += run) {
        const int32_t where = indices[i * indexStep];
        T *p = to + i * outStep;
        if (where >= 0 && where < axisSize) {
          copyRow(p, outStep, from + where * axisStride + i * xStep, xStep, run);
        } else {
          faults.note(chunk, where);
          for (int j = 0; j < run; j++) p[j * outStep] = T(0);
        }
      }
    }
  });
  faults.report(chunks, FAULT_INDEX);
}

void runGather(const Context &context, const int32_t *payload) {
  if (payload[1] == 1) gatherRows<uint8_t>(context, payload);
  else gatherRows<int32_t>(context, payload);
}

template <class T> INLINE void addRow(T *to, Index toStep, const T *from, Index fromStep, int count) {
  if (toStep == 1 && fromStep == 1) VECTORIZE for (int i = 0; i < count; i++) to[i] = T(to[i] + from[i]);
  else for (int i = 0; i < count; i++) to[i * toStep] = T(to[i * toStep] + from[i * fromStep]);
}

// Each chunk owns a range of one dimension of the output: it clears it and walks all sources that may fall into it, in
// order, so sums do not depend on threads.
template <class T> void scatterRows(const Context &context, const int32_t *payload) {
  Words in = {payload};
  const int dims = in.next();
  in.next();
  const int axis = in.next(), split = in.next(), step = in.next();
  const int indexSlot = in.next(), indexOffset = in.next(), sourceSlot = in.next(), sourceOffset = in.next();
  const int outSlot = in.next(), outOffset = in.next();
  const int32_t *sizes = in.at, *outSizes = sizes + dims;
  const int32_t *indexStrides = outSizes + dims, *sourceStrides = indexStrides + dims;
  const int32_t *outStrides = sourceStrides + dims;
  const int32_t *index = context.at<const int32_t>(indexSlot, indexOffset);
  const T *source = context.at<const T>(sourceSlot, sourceOffset);
  T *out = context.at<T>(outSlot, outOffset);
  const int last = dims - 1;
  const Index axisStride = outStrides[axis];
  const Index indexStep = indexStrides[last], sourceStep = sourceStrides[last];
  const Index outStep = last == axis ? 0 : outStrides[last];
  const int chunks = ceilDivide(outSizes[split], step);
  const Faults faults(context, chunks);
  forChunks(context, chunks, [&](int chunk, int) {
    const int low = chunk * step, high = least(low + step, outSizes[split]);
    int32_t view[1 + 2 * MAX_DIMS], ranges[MAX_DIMS], moves[MAX_DIMS];
    int elements = 1, rows = 1;
    view[0] = dims;
    for (int d = 0; d < dims; d++) {
      view[1 + d] = d == split ? high - low : outSizes[d];
      view[1 + dims + d] = outStrides[d];
      elements *= view[1 + d];
      ranges[d] = d == split && d != axis ? most(0, least(high, sizes[d]) - low) : sizes[d];
      moves[d] = d == axis ? 0 : outStrides[d];
      if (d < last) rows *= ranges[d];
    }
    const Index skip = split == axis ? 0 : low;
    T *target = out + low * Index(outStrides[split]);
    if (elements > 0) {
      walk(view, 0, elements, [&](Index offset, int, int run) {
        for (int i = 0; i < run; i++) target[offset + Index(i) * outStrides[last]] = T(0);
      });
    }
    const int first = split == axis ? low : 0, end = split == axis ? high : outSizes[axis];
    const int count = ranges[last], run = indexStep == 0 && last != axis ? count : 1;
    for (int row = 0; row < rows; row++) {
      const RowOffsets at(dims, ranges, indexStrides, sourceStrides, moves, row);
      const int32_t *indices = index + at.a + skip * indexStrides[split];
      const T *from = source + at.b + skip * sourceStrides[split];
      T *to = out + at.c + skip * outStrides[split];
      for (int i = 0; i < count; i += run) {
        const int32_t where = indices[i * indexStep];
        if (where >= first && where < end) {
          addRow(to + where * axisStride + i * outStep, outStep, from + i * sourceStep, sourceStep, run);
        } else if (where < 0 || where >= outSizes[axis]) {
          faults.note(chunk, where);
        }
      }
    }
  });
  faults.report(chunks, FAULT_INDEX);
}

void runScatterAdd(const Context &context, const int32_t *payload) {
  if (payload[1] == 0) scatterRows<float>(context, payload);
  else if (payload[1] == 1) scatterRows<uint32_t>(context, payload);
  else scatterRows<uint8_t>(context, payload);
}

// Payload: elements, elements a chunk, slot, offset, view.
void runCheckFinite(const Context &context, const int32_t *payload) {
  const int elements = payload[0], step = payload[1], chunks = ceilDivide(elements, step);
  const uint32_t *x = context.at<const uint32_t>(payload[2], payload[3]);
  const int32_t *view = payload + 4;
  const Index stride = view[2 * view[0]];
  const Faults faults(context, chunks);
  forChunks(context, chunks, [&](int chunk, int) {
    const int start = chunk * step;
    uint32_t bad = 0;
    walk(view, start, least(step, elements - start), [&](Index offset, int, int count) {
      const uint32_t *p = x + offset;
      if (stride == 1) for (int i = 0; i < count; i++) bad |= (p[i] & 0x7f800000u) == 0x7f800000u;
      else for (int i = 0; i < count; i++) bad |= (p[i * stride] & 0x7f800000u) == 0x7f800000u;
    });
    if (bad) faults.note(chunk, 0);
  });
  faults.report(chunks, FAULT_NON_FINITE);
}

}  // namespace
