import { type Node, type Op, type OpParams, type Spec, topological, type Value } from "../src/node.js";
import { philox, seedWords } from "../src/random.js";
import { contiguousStrides, formatShape, sizeOf } from "../src/shape.js";
import type { Numbers, ReferenceArray } from "./reference/array.js";
import * as arrays from "./reference/array.js";
import * as contract from "./reference/contract.js";

export type { Numbers, ReferenceArray } from "./reference/array.js";

/** What a rule of the reference works with: the node's inputs evaluated, and what its first output is. */
interface Context<O extends Op> {
  readonly node: Node<O>;
  readonly params: OpParams[O];
  readonly x: readonly ReferenceArray[];
  readonly out: Spec;
  readonly size: number;
}

/** Returns the data of output 0, or of both outputs. */
type Rule<O extends Op> = (context: Context<O>) => Numbers | [Numbers, Numbers];

type Unary = (x: number) => number;
const map =
  (f: Unary) =>
  ({ x, out, size }: Context<Op>) =>
    arrays.filled(out.dtype, size, (i) => f(x[0]!.data[i]!));

type Binary = (a: number, b: number) => number;
const zip =
  (real: Binary, whole = real) =>
  ({ x, out, size }: Context<Op>) => {
    const f = x[0]!.dtype === "f32" ? real : whole;
    return arrays.filled(out.dtype, size, (i) => f(x[0]!.data[i]!, x[1]!.data[i]!));
  };

const identity = ({ x }: Context<Op>) => x[0]!.data;

/** The meaning of every operation, as plainly as it can be written. */
const rules: { [O in Op]: Rule<O> } = {
  leaf: ({ node, out }) => {
    const host = node.host[0];
    if (!host) throw new Error(`leaf ${formatShape(node.shape)} has no host data: give its elements in \`override\`.`);
    return arrays.filled(out.dtype, host.length, (i) => host[i]!);
  },
  constant: ({ params, out, size }) =>
    arrays.filled(out.dtype, size, () => (out.dtype === "f32" ? params.value : arrays.truncate(params.value))),
  iota: ({ params }) => arrays.filled("i32", params.length, (i) => i),
  random: ({ params: { kind, seed, step, stream }, out, size }) => {
    const words = new Uint32Array(4);
    const key = seedWords(seed);
    return arrays.filled(out.dtype, size, (i) => {
      const bits = philox([i >>> 2, stream, step, 0], key, words)[i & 3]!;
      return kind === "bits" ? bits | 0 : (bits >>> 8) * 2 ** -24;
    });
  },
  detach: identity,
  checkFinite: identity,
  customGradient: identity,

  neg: map((x) => -x),
  recip: map((x) => 1 / x),
  exp: map(Math.exp),
  log: map(Math.log),
  sin: map(Math.sin),
  cos: map(Math.cos),
  sqrt: map(Math.sqrt),
  tanh: map(Math.tanh),
  sigmoid: map((x) => 1 / (1 + Math.exp(-x))),
  erf: map(arrays.erf),
  atan: map(Math.atan),
  floor: map(Math.floor),
  abs: map(Math.abs),
  sign: map((x) => (x > 0 ? 1 : x < 0 ? -1 : 0)),
  cast: ({ x, out, size }) => {
    const { data, dtype } = x[0]!;
    const convert: Record<string, Unary> = {
      f32: dtype === "f32" ? (v) => v : Math.fround,
      i32: arrays.truncate,
      u8: arrays.truncate,
      bool: (v) => (v !== 0 ? 1 : 0),
    };
    return arrays.filled(out.dtype, size, (i) => convert[out.dtype]!(data[i]!));
  },

  add: zip((a, b) => a + b),
  mul: zip((a, b) => a * b, Math.imul),
  div: zip((a, b) => a / b),
  max: zip(Math.max),
  lt: zip((a, b) => (a < b ? 1 : 0)),
  eq: zip((a, b) => (a === b ? 1 : 0)),
  where: ({ x: [c, a, b], out, size }) =>
    arrays.filled(out.dtype, size, (i) => (c!.data[i] ? a!.data[i]! : b!.data[i]!)),

  sum: ({ x: [x], params: { axes }, out, size }) => {
    const total = arrays.numbers(out.dtype, size);
    const into = arrays.reducedOffsets(x!.shape, axes);
    for (let i = 0; i < into.length; i++) total[into[i]!]! += x!.data[i]!;
    return total;
  },
  maxReduce: ({ x: [x], params: { axes }, out, size }) => {
    const best = arrays.filled(out.dtype, size, () => (out.dtype === "f32" ? -Infinity : -(2 ** 31)));
    const into = arrays.reducedOffsets(x!.shape, axes);
    for (let i = 0; i < into.length; i++) best[into[i]!] = Math.max(best[into[i]!]!, x!.data[i]!);
    return best;
  },
  argmax: ({ x: [x], params: { axis }, size }) => {
    const step = contiguousStrides(x!.shape)[axis]!;
    const first = arrays.offsets(
      x!.shape.map((d, i) => (i === axis ? 1 : d)),
      contiguousStrides(x!.shape),
    );
    return arrays.filled("i32", size, (i) => {
      let best = 0;
      const element = (k: number) => x!.data[first[i]! + k * step]!;
      for (let k = 1; k < x!.shape[axis]!; k++) if (arrays.exceeds(element(k), element(best))) best = k;
      return best;
    });
  },

  reshape: identity,
  permute: ({ x: [x], params: { order }, out }) => {
    const strides = contiguousStrides(x!.shape);
    return arrays.view(
      x!,
      out.shape,
      order.map((axis) => strides[axis]!),
    );
  },
  expand: ({ x: [x], out }) => {
    const strides = contiguousStrides(x!.shape);
    return arrays.view(
      x!,
      out.shape,
      strides.map((s, i) => (x!.shape[i] === 1 ? 0 : s)),
    );
  },
  pad: ({ x: [x], params: { before, interior, value }, out, size }) => {
    const padded = arrays.filled(out.dtype, size, () => value);
    const strides = contiguousStrides(out.shape);
    const start = strides.reduce((at, s, i) => at + s * before[i]!, 0);
    const to = arrays.offsets(
      x!.shape,
      strides.map((s, i) => s * (interior[i]! + 1)),
      start,
    );
    for (let i = 0; i < to.length; i++) padded[to[i]!] = x!.data[i]!;
    return padded;
  },
  slice: ({ x: [x], params: { start, step }, out }) => {
    const strides = contiguousStrides(x!.shape);
    const first = strides.reduce((at, s, i) => at + s * start[i]!, 0);
    return arrays.view(
      x!,
      out.shape,
      strides.map((s, i) => s * step[i]!),
      first,
    );
  },
  flip: ({ x: [x], params: { axes }, out }) => {
    const strides = contiguousStrides(x!.shape);
    const last = axes.reduce((at, axis) => at + (x!.shape[axis]! - 1) * strides[axis]!, 0);
    return arrays.view(
      x!,
      out.shape,
      strides.map((s, i) => (axes.includes(i) ? -s : s)),
      last,
    );
  },
  concat: ({ x, params: { axis }, out, size }) => {
    const joined = arrays.numbers(out.dtype, size);
    const strides = contiguousStrides(out.shape);
    let at = 0;
    for (const part of x) {
      const to = arrays.offsets(part.shape, strides, at * strides[axis]!);
      for (let i = 0; i < to.length; i++) joined[to[i]!] = part.data[i]!;
      at += part.shape[axis]!;
    }
    return joined;
  },

  matmul: ({ x: [a, b] }) => contract.matmul(a!, b!),
  conv2d: ({ x: [x, w], params, out }) => contract.conv2d(x!, w!, out.shape, params),
  conv2dInput: ({ x: [dy, w], params, out }) => contract.conv2dInput(dy!, w!, out.shape, params),
  conv2dWeight: ({ x: [x, dy], params, out }) => contract.conv2dWeight(x!, dy!, out.shape, params),
  pool: ({ x: [x], params, out }) => contract.pool(x!, out.shape, params),
  poolBack: ({ x: [x, dy], params }) => contract.poolBack(x!, dy!, params),

  gather: ({ x: [x, index], params: { axis } }) => contract.gather(x!, index!, axis),
  scatterAdd: ({ x: [index, source], params: { axis }, out }) => contract.scatterAdd(index!, source!, out.shape, axis),
  sort: ({ x: [x], params: { descending } }) => contract.sort(x!, descending),
};

/** Options of the reference evaluator. */
export interface EvaluateOptions {
  /** Elements that stand in for what a node computes or holds (its first output): finite differences perturb leaves so, in f64. */
  override?: ReadonlyMap<Node, Numbers>;
}

/**
 * The elements of graph values by a naive interpreter: one node after another, row-major, f64 in place of f32. It knows no
 * planner, no fusion and no device, and recomputes what was realized. Leaves that live on a device only need an `override`.
 */
export function evaluateAll(values: readonly Value[], { override }: EvaluateOptions = {}): ReferenceArray[] {
  const given = (node: Node) => override?.has(node) ?? false;
  const done = new Map<Node, ReferenceArray[]>();
  for (const node of topological(values, given)) {
    const data = override?.get(node) ?? apply(node, done);
    const all = Array.isArray(data) ? data : [data];
    done.set(
      node,
      all.map((numbers, i) => ({ data: numbers, shape: node.outputs[i]!.shape, dtype: node.outputs[i]!.dtype })),
    );
  }
  return values.map((v) => done.get(v.node)![v.index]!);
}

/** The elements of one graph value; see `evaluateAll`. */
export function evaluate(value: Value, options: EvaluateOptions = {}): ReferenceArray {
  return evaluateAll([value], options)[0]!;
}

function apply(node: Node, done: ReadonlyMap<Node, ReferenceArray[]>): Numbers | [Numbers, Numbers] {
  const rule = rules[node.op] as Rule<Op>;
  const out = node.outputs[0]!;
  const x = node.inputs.map((input) => done.get(input.node)![input.index]!);
  return rule({ node, params: node.params, x, out, size: sizeOf(out.shape) });
}
