import type {
  ContractGroup,
  ConvParams,
  Group,
  InstructionOp,
  Operand,
  PoolParams,
} from "../../packages/tensor/src/backend.js";
import { contiguousStrides, type Shape, sizeOf } from "../../packages/tensor/src/shape.js";

/** One measured operation: its groups over slots numbered from 0, and the same for PyTorch (`ops.py`). */
export interface Operation {
  name: string;
  groups: readonly Group[];
  /** Floats of each slot. */
  slots: readonly number[];
  /** Floating-point operations; 0 where bytes count. */
  flops: number;
  /** Bytes that have to move at least. */
  bytes: number;
  /** What PyTorch is told. */
  torch: Record<string, unknown>;
}

/** Channels-last memory of an image [N, C, H, W]. */
const imageStrides = ([, c, h, w]: Shape) => [c! * h! * w!, 1, c! * w!, c!];

const operand = (slot: number, shape: Shape, strides: readonly number[] = contiguousStrides(shape)): Operand => ({
  slot,
  dtype: "f32",
  shape,
  strides,
  offset: 0,
});

function contraction(op: string, params: unknown, inputs: Operand[], output: Operand): Group {
  return {
    kind: "contract",
    op,
    params,
    inputs,
    outputs: [output],
    commit: false,
    label: op,
  } as unknown as ContractGroup<"matmul">;
}

/** [batch, M, K] times [batch, K, N]; `tn` says which operand lies transposed in memory ("nn", "nt", "tn"). */
export function matmul(M: number, N: number, K: number, { layout = "nn", batch = 1 } = {}): Operation {
  const stored = (rows: number, columns: number, transposed: boolean) =>
    transposed ? [rows * columns, 1, rows] : [rows * columns, columns, 1];
  const a = operand(0, [batch, M, K], stored(M, K, layout[0] === "t"));
  const b = operand(1, [batch, K, N], stored(K, N, layout[1] === "t"));
  const c = operand(2, [batch, M, N]);
  return {
    name: `matmul ${batch > 1 ? `${batch}x` : ""}${M}x${N}x${K} ${layout}`,
    groups: [contraction("matmul", null, [a, b], c)],
    slots: [a, b, c].map((it) => sizeOf(it.shape)),
    flops: 2 * batch * M * N * K,
    bytes: 4 * batch * (M * K + K * N + M * N),
    torch: { op: "matmul", M, N, K, layout, batch },
  };
}

/** A geometry of square images and kernels. */
export interface ConvGeometry {
  batch: number;
  channels: number;
  outputs: number;
  size: number;
  kernel?: number;
  stride?: number;
  groups?: number;
}

/** conv2d, conv2dInput or conv2dWeight with padding that halves the kernel; channels-last images, row-major weights. */
export function conv(op: "conv2d" | "conv2dInput" | "conv2dWeight", geometry: ConvGeometry): Operation {
  const { batch, channels, outputs, size, kernel = 3, stride = 1, groups = 1 } = geometry;
  const padding = kernel >> 1;
  const out = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const shapes = [
    [batch, channels, size, size],
    [outputs, channels / groups, kernel, kernel],
    [batch, outputs, out, out],
  ] as const;
  const [x, w, y] = shapes.map((shape, i) => operand(i, shape, i === 1 ? undefined : imageStrides(shape))) as [
    Operand,
    Operand,
    Operand,
  ];
  const params: ConvParams = { stride: [stride, stride], padding: [padding, padding], dilation: [1, 1], groups };
  const roles = { conv2d: [x, w, y], conv2dInput: [y, w, x], conv2dWeight: [x, y, w] };
  const [left, right, target] = roles[op] as [Operand, Operand, Operand];
  const kind = { conv2d: "forward", conv2dInput: "input gradient", conv2dWeight: "weight gradient" }[op];
  return {
    name: `conv ${kernel}x${kernel}${stride > 1 ? ` stride ${stride}` : ""} ${channels}->${outputs}${groups > 1 ? ` depthwise` : ""} at ${size}, batch ${batch}, ${kind}`,
    groups: [contraction(op, params, [left, right], target)],
    slots: shapes.map(sizeOf),
    flops: 2 * batch * outputs * out * out * (channels / groups) * kernel * kernel,
    bytes: 4 * shapes.reduce((sum, shape) => sum + sizeOf(shape), 0),
    torch: { op, batch, channels, outputs, size, kernel, stride, padding, groups },
  };
}

/** Max or average pooling, and its gradient. */
export function pool(
  op: "pool" | "poolBack",
  kind: "max" | "avg",
  [batch, channels, size]: readonly [number, number, number],
): Operation {
  const shapes = [
    [batch, channels, size, size],
    [batch, channels, size / 2, size / 2],
  ] as const;
  const [x, y] = shapes.map((shape, i) => operand(i, shape, imageStrides(shape))) as [Operand, Operand];
  const dx = { ...x, slot: 2 };
  const params: PoolParams = { kind, kernel: [3, 3], stride: [2, 2], padding: [1, 1], countIncludePad: true };
  const back = op === "poolBack";
  return {
    name: `${kind} pool 3x3 stride 2, ${channels} at ${size}, batch ${batch}${back ? ", gradient" : ""}`,
    groups: [back ? contraction(op, params, [x, y], dx) : contraction(op, params, [x], y)],
    slots: [sizeOf(x.shape), sizeOf(y.shape), sizeOf(x.shape)],
    flops: 0,
    bytes: 4 * (sizeOf(x.shape) * (back ? 2 : 1) + sizeOf(y.shape)),
    torch: { op, kind, batch, channels, size },
  };
}

/** y = op(x), or op(x, z), over `n` floats. */
export function elementwise(op: InstructionOp, n: number): Operation {
  const inputs = op === "add" || op === "mul" || op === "div" || op === "max" ? [0, 1] : [0];
  const memory = (slot: number) => ({ slot, dtype: "f32", strides: [1], offset: 0 }) as const;
  const group: Group = {
    kind: "map",
    dims: [n],
    loads: inputs.map((slot) => ({ kind: "memory", ...memory(slot) })),
    instructions: [{ op, type: "f32", inputs }],
    stores: [{ register: inputs.length, ...memory(2) }],
    commit: false,
    label: op,
  };
  return {
    name: `${op} of ${n}`,
    groups: [group],
    slots: [n, n, n],
    flops: 0,
    bytes: 4 * n * (inputs.length + 1),
    torch: { op: "elementwise", name: op, n },
  };
}

/** The sum of [rows, columns] over its rows or over its columns. */
export function sum(rows: number, columns: number, over: "rows" | "columns"): Operation {
  const overRows = over === "rows";
  const group: Group = {
    kind: "reduce",
    dims: [rows, columns],
    reduced: [overRows, !overRows],
    loads: [{ kind: "memory", slot: 0, dtype: "f32", strides: [columns, 1], offset: 0 }],
    instructions: [],
    reductions: [{ op: "sum", register: 0, slot: 1, dtype: "f32", strides: overRows ? [0, 1] : [1, 0], offset: 0 }],
    commit: false,
    label: "sum",
  };
  return {
    name: `sum of ${rows}x${columns} over ${over}`,
    groups: [group],
    slots: [rows * columns, Math.max(rows, columns), 1],
    flops: 0,
    bytes: 4 * rows * columns,
    torch: { op: "sum", rows, columns, over },
  };
}
