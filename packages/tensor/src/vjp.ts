import type { PoolParams } from "./backend.js";
import { type DType, isFloat } from "./dtype.js";
import { handle, type Node, type Op, type OpParams, specOf } from "./node.js";
import { avgPool2d, conv2d, conv2dInput, conv2dWeight, matmul, poolBack } from "./ops/contract.js";
import { cast, expand, reshape } from "./ops/convert.js";
import { add, cos, div, eq, exp, lt, maximum, mul, neg, sign, sin, sub, where } from "./ops/elementwise.js";
import { gather, scatterAdd } from "./ops/gather.js";
import { zeros } from "./ops/generate.js";
import { concat, flip, padRaw, permute, slice, transpose } from "./ops/movement.js";
import { sum } from "./ops/reduce.js";
import { sizeOf } from "./shape.js";
import type { Tensor } from "./tensor.js";

/** What a row of the derivative table works with. `g` is the gradient of output 0 (zeros when only others have one). */
export interface VjpContext<O extends Op> {
  readonly node: Node<O>;
  readonly params: OpParams[O];
  /** Gradient of each output; undefined where none arrived. */
  readonly gradients: readonly (Tensor | undefined)[];
  readonly g: Tensor;
  readonly y: Tensor;
  readonly x: readonly Tensor[];
  /** Whether input i leads to a requested tensor. */
  needs(i: number): boolean;
}

type Row<O extends Op> = ((context: VjpContext<O>) => (Tensor | undefined)[]) | null;

/** Sums a gradient back to the shape that was expanded. */
function unexpand(g: Tensor, shape: readonly number[]): Tensor {
  const axes = g.shape.map((_, i) => i).filter((i) => shape[i] !== g.shape[i]);
  return axes.length === 0 ? g : sum(g, axes, { keepDims: true });
}

/**
 * The derivative of every operation: gradients of the inputs from the gradient of the outputs (vector-Jacobian products).
 * null: no derivative (whole numbers, comparisons, leaves).
 */
export const vjp: { [O in Op]: Row<O> } = {
  leaf: null,
  constant: null,
  iota: null,
  random: null,
  detach: null,
  lt: null,
  eq: null,
  argmax: null,
  floor: null,
  sign: null,

  neg: ({ g }) => [neg(g)],
  recip: ({ g, y }) => [neg(mul(g, mul(y, y)))],
  exp: ({ g, y }) => [mul(g, y)],
  log: ({ g, x: [x] }) => [div(g, x!)],
  sin: ({ g, x: [x] }) => [mul(g, cos(x!))],
  cos: ({ g, x: [x] }) => [neg(mul(g, sin(x!)))],
  sqrt: ({ g, y }) => [div(mul(g, 0.5), y)],
  tanh: ({ g, y }) => [mul(g, sub(1, mul(y, y)))],
  sigmoid: ({ g, y }) => [mul(g, mul(y, sub(1, y)))],
  erf: ({ g, x: [x] }) => [mul(g, mul(exp(neg(mul(x!, x!))), 2 / Math.sqrt(Math.PI)))],
  atan: ({ g, x: [x] }) => [div(g, add(mul(x!, x!), 1))],
  abs: ({ g, x: [x] }) => [mul(g, sign(x!))],
  cast: ({ g, x: [x] }) => [isFloat(x!.dtype) ? cast(g, x!.dtype) : undefined],

  add: ({ g }) => [g, g],
  mul: ({ g, x: [a, b], needs }) => [needs(0) ? mul(g, b!) : undefined, needs(1) ? mul(g, a!) : undefined],
  div: ({ g, x: [, b], y, needs }) => [
    needs(0) ? div(g, b!) : undefined,
    needs(1) ? neg(div(mul(g, y), b!)) : undefined,
  ],
  max: ({ g, x: [a, b], needs }) => {
    const half = mul(g, 0.5);
    const share = (mine: Tensor, other: Tensor) => where(lt(mine, other), 0, where(eq(mine, other), half, g));
    return [needs(0) ? share(a!, b!) : undefined, needs(1) ? share(b!, a!) : undefined];
  },
  where: ({ g, x: [c], needs }) => [
    undefined,
    needs(1) ? where(c!, g, 0) : undefined,
    needs(2) ? where(c!, 0, g) : undefined,
  ],

  sum: ({ g, x: [x] }) => [expand(g, x!.shape)],
  maxReduce: ({ g, x: [x], y, params }) => {
    const best = cast(eq(x!, expand(y, x!.shape)), "f32");
    const count = sum(best, params.axes, { keepDims: true });
    return [mul(best, expand(div(g, count), x!.shape))];
  },

  reshape: ({ g, x: [x] }) => [reshape(g, x!.shape)],
  permute: ({ g, params: { order } }) => {
    const before = g.node.op === "permute" ? (g.node.params as OpParams["permute"]).order : [];
    if (before.length === order.length && order.every((a, i) => before[a] === i))
      return [handle(g.node.inputs[0]!.node, g.node.inputs[0]!.index)];
    return [
      permute(
        g,
        order.map((_, i) => order.indexOf(i)),
      ),
    ];
  },
  expand: ({ g, x: [x] }) => [unexpand(g, x!.shape)],
  pad: ({ g, x: [x], params: { before, interior } }) => [
    slice(
      g,
      ...x!.shape.map((d, i): [number, number, number] => {
        const by = interior[i]! + 1;
        return [before[i]!, before[i]! + (d === 0 ? 0 : (d - 1) * by + 1), by];
      }),
    ),
  ],
  slice: ({ g, x: [x], params: { start, step } }) => {
    const after = x!.shape.map((d, i) => d - start[i]! - (g.shape[i] === 0 ? 0 : (g.shape[i]! - 1) * step[i]! + 1));
    return [sizeOf(g.shape) === 0 ? zeros(x!.shape) : padRaw(g, start, after, { interior: step.map((s) => s - 1) })];
  },
  flip: ({ g, params }) => [flip(g, params.axes)],
  concat: ({ g, x, params: { axis }, needs }) => {
    let at = 0;
    return x.map((t, i) => {
      const from = at;
      at += t.shape[axis]!;
      return needs(i)
        ? slice(
            g,
            ...t.shape.map((_, k): [number, number] | null => (k === axis ? [from, from + t.shape[axis]!] : null)),
          )
        : undefined;
    });
  },

  // The gradient of a transposed operand is computed transposed: then that of what was transposed lies in memory as that does.
  matmul: ({ g, x: [a, b], needs }) => {
    const isTransposed = ({ node }: Tensor) =>
      node.op === "permute" && (node.params as OpParams["permute"]).order.at(-1) === node.shape.length - 2;
    const left = () => (isTransposed(a!) ? transpose(matmul(b!, transpose(g))) : matmul(g, transpose(b!)));
    const right = () => (isTransposed(b!) ? transpose(matmul(transpose(g), a!)) : matmul(transpose(a!), g));
    return [needs(0) ? left() : undefined, needs(1) ? right() : undefined];
  },
  conv2d: ({ g, x: [x, w], params, needs }) => [
    needs(0) ? conv2dInput(g, w!, x!.shape, params) : undefined,
    needs(1) ? conv2dWeight(x!, g, w!.shape, params) : undefined,
  ],
  conv2dInput: ({ g, x: [dy, w], params, needs }) => [
    needs(0) ? fitted(conv2d(g, w!, params), dy!.shape) : undefined,
    needs(1) ? conv2dWeight(g, dy!, w!.shape, params) : undefined,
  ],
  conv2dWeight: ({ g, x: [x, dy], params, needs }) => [
    needs(0) ? conv2dInput(dy!, g, x!.shape, params) : undefined,
    needs(1) ? fitted(conv2d(x!, g, params), dy!.shape) : undefined,
  ],
  pool: ({ g, x: [x], params }) => [poolBack(x!, g, params)],
  poolBack: ({ g, x: [x, dy], params }) => [undefined, pickWindows(x!, g, dy!.shape, params)],

  gather: ({ g, x: [x, index], params: { axis } }) => [
    fitted(scatterAdd(index!, g, axis, x!.shape[axis]!), x!.shape),
    undefined,
  ],
  scatterAdd: ({ g, x: [index], params: { axis } }) => [undefined, gather(g, axis, index!)],
  sort: ({ node, gradients }) => {
    const g = gradients[0];
    if (!g) return [undefined];
    const axis = g.shape.length - 1;
    return [scatterAdd(handle(node as Node, 1), g, axis, g.shape[axis]!)];
  },
  checkFinite: ({ g }) => [g],
  customGradient: ({ g, y, params }) => [undefined, ...params.gradient(g, y)],
};

/** g cut or padded with zeros to `shape`: windows that do not divide an image leave its edge without a gradient. */
function fitted(g: Tensor, shape: readonly number[]): Tensor {
  if (g.shape.every((d, i) => d === shape[i])) return g;
  const cut = slice(g, ...shape.map((d): [number, number] => [0, d]));
  return padRaw(
    cut,
    shape.map(() => 0),
    shape.map((d, i) => d - cut.shape[i]!),
  );
}

/** What pooling x picks of g: its element at the first maximum of each window, or the mean of the window. */
function pickWindows(x: Tensor, g: Tensor, shape: readonly number[], params: PoolParams): Tensor {
  const { kind, kernel, stride, padding } = params;
  if (kind === "avg") return avgPool2d(g, kernel, params);
  const around = [0, 0, ...padding];
  // [N, C, H, W] -> [N, C, H', W']: what tap (i, j) of every window sees
  const tap = (padded: Tensor, i: number, j: number) => {
    const range = (from: number, count: number, step: number): [number, number, number] => [
      from,
      from + (count - 1) * step + 1,
      step,
    ];
    return slice(padded, null, null, range(i, shape[2]!, stride[0]), range(j, shape[3]!, stride[1]));
  };
  const values = padRaw(x, around, around, { value: -Infinity });
  const candidates = padRaw(g, around, around);
  let best = tap(values, 0, 0);
  let picked = tap(candidates, 0, 0);
  for (let at = 1; at < kernel[0] * kernel[1]; at++) {
    const [i, j] = [Math.floor(at / kernel[1]), at % kernel[1]];
    const value = tap(values, i, j);
    picked = where(lt(best, value), tap(candidates, i, j), picked);
    best = maximum(best, value);
  }
  return picked;
}

/** When every contribution to one tensor is a slice along one axis and none overlap, the sum of what arrived at them is one concat; else undefined. */
export function joinSlices(
  parts: readonly { node: Node; arrived: Tensor }[],
  shape: readonly number[],
  dtype: DType,
): Tensor | undefined {
  if (parts.length < 2 || parts.some(({ node }) => node.op !== "slice")) return undefined;
  const spans = parts.map(({ node, arrived }) => ({
    params: node.params as OpParams["slice"],
    arrived,
    size: specOf({ node, index: 0 }).shape,
  }));
  const axis = shape.findIndex((d, i) => spans.some(({ size }) => size[i] !== d));
  if (axis < 0) return undefined;
  const plain = spans.every(
    ({ params, size }) => params.step.every((s) => s === 1) && size.every((d, i) => i === axis || d === shape[i]),
  );
  if (!plain) return undefined;
  spans.sort((a, b) => a.params.start[axis]! - b.params.start[axis]!);
  const pieces: Tensor[] = [];
  const gap = (size: number) => {
    if (size > 0)
      pieces.push(
        zeros(
          shape.map((d, i) => (i === axis ? size : d)),
          { dtype },
        ),
      );
  };
  let at = 0;
  for (const { params, arrived, size } of spans) {
    const from = params.start[axis]!;
    if (from < at) return undefined;
    gap(from - at);
    pieces.push(cast(arrived, dtype));
    at = from + size[axis]!;
  }
  gap(shape[axis]! - at);
  return concat(pieces, axis);
}
