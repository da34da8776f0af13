import type { Allocation, Backend, ConvParams, PoolParams } from "./backend.js";
import type { DType, HostArray } from "./dtype.js";
import { invariant } from "./errors.js";
import { hostBits } from "./half.js";
import { checkShape, type Shape } from "./shape.js";
import type { Tensor } from "./tensor.js";

/** The operations a graph is made of, each with its parameters. Everything else in the library is composed of these. */
export interface OpParams {
  leaf: null;
  /** A number written in user code: [] -> its value travels with the submission and is in no key. */
  constant: { value: number };
  /** i32 0, 1, ... length-1. */
  iota: { length: number };
  /** Philox4x32-10 bits of (seed, step, stream), as i32 bits or f32 uniforms in [0, 1). */
  random: { kind: "bits" | "uniform"; seed: number; step: number; stream: number };
  neg: null;
  recip: null;
  exp: null;
  log: null;
  sin: null;
  cos: null;
  sqrt: null;
  tanh: null;
  sigmoid: null;
  erf: null;
  atan: null;
  floor: null;
  abs: null;
  sign: null;
  cast: null;
  /** The identity, where derivatives stop. */
  detach: null;
  /** Input 0 itself; `gradient` gives the derivatives of the other inputs, and none passes to input 0. */
  customGradient: { gradient: (g: Tensor, y: Tensor) => (Tensor | undefined)[] };
  add: null;
  mul: null;
  div: null;
  max: null;
  lt: null;
  eq: null;
  where: null;
  /** Reductions keep reduced axes with size 1. */
  sum: { axes: readonly number[] };
  maxReduce: { axes: readonly number[] };
  argmax: { axis: number };
  reshape: null;
  permute: { order: readonly number[] };
  expand: null;
  /** Puts `before`/`after` elements of value around each axis and `interior` between its elements. */
  pad: { before: readonly number[]; after: readonly number[]; interior: readonly number[]; value: number };
  slice: { start: readonly number[]; step: readonly number[] };
  flip: { axes: readonly number[] };
  concat: { axis: number };
  matmul: null;
  conv2d: ConvParams;
  conv2dInput: ConvParams;
  conv2dWeight: ConvParams;
  pool: PoolParams;
  poolBack: PoolParams;
  gather: { axis: number };
  scatterAdd: { axis: number };
  sort: { descending: boolean };
  /** The identity; sets the submission's guard when an element is not finite. `what` names it in the error. */
  checkFinite: { what: string };
}

/** The name of an operation. */
export type Op = keyof OpParams;

/** Shape and dtype of one output of a node. */
export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** One output of a node: what a Tensor is, without its methods. */
export interface Value {
  readonly node: Node;
  readonly index: number;
}

/** Device memory that holds one output, row-major. */
export interface DeviceBuffer {
  readonly backend: Backend;
  readonly allocation: Allocation;
  /** Settles when the submission that writes it has run; rejects with its fault. */
  readonly ready: Promise<void>;
}

/** What a leaf of a cell remembers, so that reading an overwritten version is an error and not a wrong number. */
export interface CellVersion {
  readonly cell: { readonly name: string; readonly version: number };
  readonly version: number;
}

let walks = 0;
/** Shared by all nodes that hold nothing, or have no inputs. */
const none: readonly never[] = [];

/**
 * One operation of a lazy graph. It is immutable but for what realizing adds: host or device copies of its outputs. A step makes hundreds,
 * so a node is itself the spec of its first output, and has few fields.
 */
export class Node<O extends Op = Op> implements Spec {
  readonly op: O;
  readonly inputs: readonly Value[];
  readonly params: OpParams[O];
  /** Of output 0. */
  readonly shape: Shape;
  readonly dtype: DType;
  /** Output 1, where there is one. */
  readonly second: Spec | undefined;
  /** Host copies of outputs, row-major; `holdHost` sets one. */
  host: readonly (HostArray | undefined)[] = none;
  /** Device copies of outputs; `holdDevice` sets one. */
  device: readonly (DeviceBuffer | undefined)[] = none;
  /** Host copies that are on their way. */
  reading: readonly (Promise<HostArray> | undefined)[] = none;
  /** Store outputs with the next realize that computes them. */
  kept = false;
  /** Set on leaves that are a version of a cell. */
  cell: CellVersion | undefined;
  /** The last walk that came here, and the place it gave the node in its order: good until the next walk. */
  walk = 0;
  place = -1;

  constructor(op: O, inputs: readonly Value[], params: OpParams[O], shape: Shape, dtype: DType, second?: Spec) {
    this.op = op;
    this.inputs = inputs;
    this.params = params;
    this.shape = shape;
    this.dtype = dtype;
    this.second = second;
  }

  /** Shape and dtype of every output. */
  get outputs(): readonly Spec[] {
    return this.second ? [this, this.second] : [this];
  }
  get outputCount(): number {
    return this.second ? 2 : 1;
  }

  holdHost(index: number, data: HostArray | undefined): void {
    this.host = replaced(this.host, index, data);
  }
  holdDevice(index: number, buffer: DeviceBuffer | undefined): void {
    this.device = replaced(this.device, index, buffer);
  }
  holdReading(index: number, promise: Promise<HostArray> | undefined): void {
    this.reading = replaced(this.reading, index, promise);
  }
}

/** Most nodes hold nothing: they share one empty list. */
function replaced<T>(
  list: readonly (T | undefined)[],
  index: number,
  value: T | undefined,
): readonly (T | undefined)[] {
  if (list === none && value === undefined) return list;
  const own = list === none ? [] : (list as (T | undefined)[]);
  own[index] = value;
  return own;
}

type Construct = (node: Node, index: number) => Tensor;
let construct: Construct | undefined;

/** Called once by tensor.ts: how a handle is made of a node's output. */
export function setTensorConstructor(make: Construct): void {
  construct = make;
}

/** The handle of output `index` of `node`. */
export function handle(node: Node, index = 0): Tensor {
  invariant(construct, "tensor.ts is not loaded");
  return construct(node, index);
}

/** A node with one output, as a handle. */
export function make<O extends Op>(
  op: O,
  inputs: readonly Value[],
  params: OpParams[O],
  shape: Shape,
  dtype: DType,
): Tensor {
  checkShape(op, shape);
  return handle(new Node<Op>(op, inputs, params, shape, dtype));
}

/** A leaf that holds nothing yet. */
export function leafNode(shape: Shape, dtype: DType): Node {
  return new Node("leaf", none, null, shape, dtype) as Node;
}

/** A leaf that holds `data` (row-major, not copied; f16 takes bits in a Uint16Array, or numbers, which it rounds). */
export function leaf(data: HostArray, shape: Shape, dtype: DType): Tensor {
  const node = leafNode(shape, dtype);
  node.holdHost(0, hostBits(data, dtype));
  return handle(node);
}

/** True when output `index` needs no computing. */
export function isRealized(value: Value): boolean {
  return value.node.host[value.index] !== undefined || value.node.device[value.index] !== undefined;
}

/** Shape and dtype of a value. */
export function specOf(value: Value): Spec {
  return value.index === 0 ? value.node : value.node.second!;
}

/**
 * The nodes that `roots` depend on, inputs before users, each with its place in the order; `stop` says where not to descend.
 * Iterative, for graphs of any depth.
 */
export function topological(roots: readonly Value[], stop: (node: Node) => boolean): Node[] {
  const order: Node[] = [];
  const walk = ++walks;
  const stack: Node[] = [];
  /** The next input of each node of the stack; -1: none is to be visited. */
  const next: number[] = [];
  const enter = (node: Node) => {
    node.walk = walk;
    stack.push(node);
    next.push(node.inputs.length === 0 || stop(node) ? -1 : 0);
  };
  for (const root of roots) {
    if (root.node.walk === walk) continue;
    enter(root.node);
    while (stack.length > 0) {
      const top = stack.length - 1;
      const node = stack[top]!;
      const at = next[top]!;
      if (at >= 0 && at < node.inputs.length) {
        next[top] = at + 1;
        const input = node.inputs[at]!.node;
        if (input.walk !== walk) enter(input);
      } else {
        node.place = order.length;
        order.push(node);
        stack.pop();
        next.pop();
      }
    }
  }
  return order;
}
