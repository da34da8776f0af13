#pragma once
#include "ops.h"
#include "simd.h"

// The interpreter of elementwise programs: a list of instructions over tiles that stay in the first-level cache.
// A tile is a range of the group's linear index; views turn that index into addresses, so any strides work.

namespace {

// Calls row(offset, done, count) for each run of the innermost dimension that covers elements [start, start + n).
template <class Row> INLINE void walk(const int32_t *view, int start, int n, const Row &row) {
  const int dims = view[0];
  const int32_t *sizes = view + 1, *strides = view + 1 + dims;
  if (dims == 1) {
    row(Index(start) * strides[0], 0, n);
    return;
  }
  const int last = dims - 1;
  int index[MAX_DIMS];
  Index offset = 0;
  for (int d = last, rest = start; d >= 0; d--) {
    const int above = rest / sizes[d];
    index[d] = rest - above * sizes[d];
    offset += Index(index[d]) * strides[d];
    rest = above;
  }
  int run = least(sizes[last] - index[last], n);
  row(offset, 0, run);
  offset -= Index(index[last]) * strides[last];
  for (int done = run; done < n; done += run) {
    int d = last - 1;
    for (; ++index[d] == sizes[d]; d--) {
      offset -= Index(sizes[d] - 1) * strides[d];
      index[d] = 0;
    }
    offset += strides[d];
    run = least(sizes[last], n - done);
    row(offset, done, run);
  }
}

// True when elements [start, start + n) of the view are consecutive; their offset is then in `offset`.
INLINE bool isRun(const int32_t *view, int start, int n, Index &offset) {
  const int dims = view[0];
  const int32_t *sizes = view + 1, *strides = view + 1 + dims;
  if (strides[dims - 1] != 1) return false;
  if (dims == 1) {
    offset = start;
    return true;
  }
  offset = 0;
  for (int d = dims - 1, rest = start; d >= 0; d--) {
    const int above = rest / sizes[d];
    const int index = rest - above * sizes[d];
    if (d == dims - 1 && index + n > sizes[d]) return false;
    offset += Index(index) * strides[d];
    rest = above;
  }
  return true;
}

// A block [rows, columns] of a tile whose rows step through memory one by one: to[r][c] = from[r + c * stride].
template <class T> INLINE void loadTransposed(int32_t *to, const T *from, Index stride, int rows, int columns) {
  if (sizeof(T) == 4 && rows % 4 == 0 && columns % 4 == 0) {
    float *q = reinterpret_cast<float *>(to);
    const float *p = reinterpret_cast<const float *>(from);
    for (int c = 0; c < columns; c += 4) {
      for (int r = 0; r < rows; r += 4) transposeFour(q + r * columns + c, columns, p + r + c * stride, stride);
    }
    return;
  }
  for (int c = 0; c < columns; c++) {
    for (int r = 0; r < rows; r++) to[r * columns + c] = from[r + c * stride];
  }
}

template <class T> INLINE void loadView(int32_t *to, const T *from, const int32_t *view, int start, int n) {
  const int32_t stride = view[2 * view[0]];
  if (view[0] > 1 && stride != 1 && view[2 * view[0] - 1] == 1) {
    const int columns = view[view[0]], rows = view[view[0] - 1], block = rows * columns;
    if (block <= n && start % block == 0 && n % block == 0) {
      for (int done = 0; done < n; done += block) {
        walk(view, start + done, 1, [&](Index offset, int, int) {
          loadTransposed(to + done, from + offset, stride, rows, columns);
        });
      }
      return;
    }
  }
  walk(view, start, n, [&](Index offset, int done, int count) {
    const T *p = from + offset;
    int32_t *q = to + done;
    if (stride == 1) {
      for (int i = 0; i < count; i++) q[i] = p[i];
    } else if (stride == 0) {
      const int32_t value = p[0];
      for (int i = 0; i < count; i++) q[i] = value;
    } else {
      for (int i = 0; i < count; i++) q[i] = p[Index(i) * stride];
    }
  });
}

template <class T> INLINE void storeView(T *to, const int32_t *from, const int32_t *view, int start, int n) {
  const int32_t stride = view[2 * view[0]];
  walk(view, start, n, [&](Index offset, int done, int count) {
    T *p = to + offset;
    const int32_t *q = from + done;
    if (stride == 1) {
      VECTORIZE for (int i = 0; i < count; i++) p[i] = T(q[i]);
    } else {
      for (int i = 0; i < count; i++) p[Index(i) * stride] = T(q[i]);
    }
  });
}

// Writes n results, elements [start, start + n) of the record's view.
inline void storeRecord(const Context &context, const int32_t *record, const int32_t *from, int start, int n) {
  const int slot = record[1], offset = record[2];
  if (record[0] == ACCESS_BYTE) storeView(context.at<uint8_t>(slot, offset), from, record + 3, start, n);
  else storeView(context.at<int32_t>(slot, offset), from, record + 3, start, n);
}

// Where the rows lie that a scatter has touched: a place for each row (-1: all zeros), then the rows themselves.
INLINE Index rowsStart(int rows) { return (Index(rows) + 15) & ~Index(15); }

// Elements [start, start + n) of the whole rows.
inline void loadRows(int32_t *to, const int32_t *places, int width, int rows, int start, int n) {
  const int32_t *touched = places + rowsStart(rows);
  int row = start / width, column = start - row * width;
  for (int done = 0; done < n; row++, column = 0) {
    const int place = places[row], run = least(width - column, n - done);
    if (place < 0) zeroBytes(to + done, Index(run) * 4);
    else copyBytes(to + done, touched + Index(place) * width + column, Index(run) * 4);
    done += run;
  }
}

// The registers of one thread, and where each tile's values are: in the register's own memory or in place.
struct Tiles {
  const Context &context;
  const int32_t *group;
  uint8_t *memory;
  int width;
  void *at[MAX_REGISTERS];

  Tiles(const Context &owner, const int32_t *payload, uint8_t *registers, int tile)
      : context(owner), group(payload), memory(registers), width(tile) {}

  void *own(int r) { return memory + Index(r) * width * 4; }

  void load(int r, const int32_t *record, int start, int n) {
    int32_t *to = static_cast<int32_t *>(at[r] = own(r));
    const int slot = record[1];
    const int32_t *view = record + 3;
    switch (record[0]) {
      case ACCESS_WORD: {
        Index offset;
        if (isRun(view, start, n, offset)) {
          at[r] = context.at<int32_t>(slot, record[2]) + offset;
          return;
        }
      } [[fallthrough]];
      case ACCESS_WORD_COPIED: return loadView(to, context.at<const int32_t>(slot, record[2]), view, start, n);
      case ACCESS_BYTE: return loadView(to, context.at<const uint8_t>(slot, record[2]), view, start, n);
      case ACCESS_ROWS: return loadRows(to, context.at<const int32_t>(slot, 0), record[2], record[3], start, n);
      case ACCESS_SCALAR: {
        const int32_t value = context.scalars[slot];
        for (int i = 0; i < n; i++) to[i] = value;
        return;
      }
      default: {
        const int32_t stride = view[2 * view[0]];
        walk(view, start, n, [&](Index offset, int done, int count) {
          const int32_t first = int32_t(record[2] + offset);
          for (int i = 0; i < count; i++) to[done + i] = first + i * stride;
        });
      }
    }
  }

#if defined(__x86_64__)
  // Machine code (src/backends/cpu/jit): void f(arrays, count), count a multiple of 8 above 0.
  typedef void __attribute__((sysv_abi)) Code(void *const *arrays, long long count);
  enum { CODE_LANES = 8 };

  // Runs `code` on n elements; the last few go through memory that has room for whole vectors.
  void runCode(Code *code, const int32_t *inputs, int inputCount, const int32_t *results, int resultCount, int n) {
    const int whole = n & ~(CODE_LANES - 1), rest = n - whole;
    if (whole > 0) code(at, whole);
    if (rest == 0) return;
    int32_t lanes[MAX_REGISTERS * CODE_LANES];
    void *arrays[MAX_REGISTERS];
    int32_t *next = lanes;
    for (int i = 0; i < inputCount; i++, next += CODE_LANES) {
      zeroBytes(next, CODE_LANES * 4);
      copyBytes(next, static_cast<int32_t *>(at[inputs[i]]) + whole, rest * 4);
      arrays[inputs[i]] = next;
    }
    for (int i = 0; i < resultCount; i++, next += CODE_LANES) arrays[results[i] & ~OWN_RESULT] = next;
    code(arrays, CODE_LANES);
    for (int i = 0; i < resultCount; i++) {
      const int r = results[i] & ~OWN_RESULT;
      copyBytes(static_cast<int32_t *>(at[r]) + whole, arrays[r], rest * 4);
    }
  }
#endif

  // Runs the words [op, end) on elements [start, start + n).
  void run(const int32_t *op, const int32_t *end, int start, int n) {
    while (op < end) {
      const int code = op[0] & ~DIRECT_RESULT;
      const int r = op[1];
      if (code == OP_LOAD) {
        load(r, group + op[2], start, n);
        op += 3;
      } else if (code == OP_STORE) {
        storeRecord(context, group + op[2], static_cast<const int32_t *>(at[r]), start, n);
        op += 3;
      } else if (code == OP_DIRECT) {
        const int32_t *record = group + op[2];
        Index offset = start;
        if (record[3] > 1) isRun(record + 3, start, n, offset);
        at[r] = context.at<int32_t>(record[1], record[2]) + offset;
        op += 3;
#if defined(__x86_64__)
      } else if (code == OP_CODE) {
        const uint64_t address = uint64_t(uint32_t(op[2])) << 32 | uint32_t(op[1]);
        const int32_t *inputs = op + 5, *results = inputs + op[3];
        for (int i = 0; i < op[4]; i++) if (results[i] & OWN_RESULT) at[results[i] - OWN_RESULT] = own(results[i] - OWN_RESULT);
        runCode(reinterpret_cast<Code *>(address), inputs, op[3], results, op[4], n);
        op = results + op[4];
#endif
      } else {
        // Inputs are looked up first: the result may take the register of one of them.
        const void *inputs[5];
        const int count = inputCount(code);
        for (int i = 0; i < count; i++) inputs[i] = at[op[2 + i]];
        if (op[0] == code) at[r] = own(r);
        compute(code, at[r], inputs, n);
        op += 2 + count;
      }
    }
  }
};

}  // namespace
