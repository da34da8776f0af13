import type { ContractGroup, Operand } from "../../backend.js";
import { sizeOf } from "../../shape.js";
import { flopsPerNanosecond, groupNanoseconds } from "./cost.js";
import { type Encoded, nothing, wholeLines } from "./encoded.js";

/** Bytes of packing buffers a thread needs for contractions: kernels/gemm.h has the same number. */
export const gemmThreadBytes = 320 << 10;

/** Columns of the widest micro-kernel: packed panels are at most this wide. */
export const microColumns = 32;
/** The second operand is packed as a whole, once, when it has at most this many floats. */
const largestPackedFloats = 8 << 20;

/** Inner indices of a split, at least. */
const shortestSplit = 400;
/** Splitting the inner dimension takes at most this much workspace. */
const largestPartialElements = 1 << 22;

/** One operand as a batch of matrices. */
interface Matrices {
  slot: number;
  offset: number;
  row: number;
  column: number;
  batch: number[];
}

function matrices({ slot, offset, strides }: Operand): Matrices {
  const rank = strides.length;
  return { slot, offset, row: strides[rank - 2]!, column: strides[rank - 1]!, batch: strides.slice(0, rank - 2) };
}

const transposed = (it: Matrices): Matrices => ({ ...it, row: it.column, column: it.row });

/** Encodes a batched matrix product. */
export function encodeMatmul(group: ContractGroup<"matmul">): Encoded {
  const [left, right] = group.inputs as [Operand, Operand];
  const output = group.outputs[0]!;
  const rank = output.shape.length;
  let M = output.shape[rank - 2]!;
  let N = output.shape[rank - 1]!;
  const K = left.shape[rank - 1]!;
  let a = matrices(left);
  let b = matrices(right);
  let c = matrices(output);
  const sizes = output.shape.slice(0, rank - 2);
  const all = sizeOf(sizes);
  if (all * M * N === 0) return nothing;

  // Batches that share B and follow each other in A and C are more rows of one product; the same for A and columns.
  for (let d = sizes.length - 1; d >= 0; d--) {
    const size = sizes[d]!;
    const asRows = b.batch[d] === 0 && (M === 1 || (a.batch[d] === M * a.row && c.batch[d] === M * c.row));
    const asColumns = a.batch[d] === 0 && (N === 1 || (b.batch[d] === N * b.column && c.batch[d] === N * c.column));
    if (size > 1 && !asRows && !asColumns) continue;
    if (size > 1 && asRows) {
      if (M === 1) [a.row, c.row] = [a.batch[d]!, c.batch[d]!];
      M *= size;
    } else if (size > 1) {
      if (N === 1) [b.column, c.column] = [b.batch[d]!, c.batch[d]!];
      N *= size;
    }
    for (const list of [sizes, a.batch, b.batch, c.batch]) list.splice(d, 1);
  }
  if (M === 1) c.row = a.row = 1;
  if (N === 1) c.column = b.column = 1;
  if (K === 1) a.column = b.row = 1;

  // A thin product has its few columns as rows: then nothing of the large operand is copied.
  const isThin = N <= 4 && M > N && ((a.column === 1 && b.row === 1) || (a.row === 1 && N === 1));
  if (isThin || (c.column !== 1 && c.row === 1)) {
    [a, b, c] = [transposed(b), transposed(a), transposed(c)];
    [M, N] = [N, M];
  }

  // A few rows against many that also lie along K: only what becomes columns is transposed, so it should be the few.
  const fewRows = M > 4 && M <= 96 && N >= 8 * M && a.column === 1 && b.row === 1 && K > 64;
  if (fewRows) {
    [a, b, c] = [transposed(b), transposed(a), transposed(c)];
    [M, N] = [N, M];
  }

  const batches = sizeOf(sizes);
  // Splits of K are joined through workspace, which takes C in any order: packing decides which operand is A.
  const packing = (left: Matrices, right: Matrices, rows: number, columns: number) =>
    rows * (left.column === 1 ? 0.15 : 0.7) + columns * (right.column === 1 ? 0.1 : 0.6);
  const flops = 2 * batches * M * N * K;
  const blocks = batches * Math.ceil(M / 168) * Math.ceil(N / 512);
  let splits = 1;
  if (blocks < 8 && K >= 1024 && flops > 8e6 && M > 4) {
    splits = Math.min(Math.ceil(16 / blocks), Math.floor(K / shortestSplit));
    if (splits * batches * M * N > largestPartialElements) splits = 1;
  }
  if (splits > 1 && packing(transposed(b), transposed(a), N, M) < packing(a, b, M, N)) {
    [a, b, c] = [transposed(b), transposed(a), transposed(c)];
    [M, N] = [N, M];
  }
  const partialBytes = splits > 1 ? wholeLines(batches * M * N * 4) * splits : 0;
  const packedFloats = batches * K * Math.ceil(N / microColumns) * microColumns;
  const packsAll = splits === 1 && M >= 128 && flops / batches > 8e6 && packedFloats <= largestPackedFloats;
  const packedBytes = packsAll ? wholeLines(packedFloats * 4) : 0;
  const operands = [a, b, c].flatMap((it) => [it.slot, it.offset, it.row, it.column, ...it.batch]);
  const bytes = 4 * batches * (M * K + K * N + M * N);
  return {
    kind: "MATMUL",
    payload: [batches, M, N, K, splits, packedBytes / 64, sizes.length, ...sizes, ...operands],
    workspaceBytes: partialBytes + packedBytes,
    threadBytes: gemmThreadBytes,
    nanoseconds: groupNanoseconds + Math.max(flops / flopsPerNanosecond, bytes / 20),
  };
}
