import { byteSize } from "../dtype.js";
import { type Node, type Op, specOf, type Value } from "../node.js";
import { sizeOf } from "../shape.js";
import { type Graph, isLeaf } from "./graph.js";
import { isView, reshapeBlocks, viewed } from "./view.js";

/** Ops computed element by element, with what one element costs next to an addition. */
export const elementwiseCost: { readonly [O in Op]?: number } = {
  neg: 1,
  recip: 2,
  exp: 4,
  log: 4,
  sin: 6,
  cos: 6,
  sqrt: 2,
  tanh: 6,
  sigmoid: 5,
  erf: 6,
  atan: 6,
  floor: 1,
  abs: 1,
  sign: 1,
  cast: 1,
  add: 1,
  mul: 1,
  div: 2,
  max: 1,
  lt: 1,
  eq: 1,
  where: 1,
};

/** Values that come from nowhere: cheaper to make again than to read, but for random bits, which are ten rounds of Philox. */
const sourceCost: { readonly [O in Op]?: number } = { constant: 0, iota: 0, random: 40 };

/** An expression larger than this is computed to memory, so that kernels keep their registers. */
const limits = { operations: 20, loads: 10, repeatedCost: 12 };

/** How the planner cuts a graph into kernels. */
export interface Fusion {
  /** By position: the node's outputs get memory of their own (elementwise nodes and sources; the rest always or never do). */
  readonly stored: Uint8Array;
  /** By position: a convolution or pooling reads it, so channels-last is its order. */
  readonly image: Uint8Array;
  /** By position: only new versions of cells depend on it, point by point. */
  readonly onlyCells: Uint8Array;
}

/** Ops whose kernels read their operands from memory. */
function readsMemory(node: Node): boolean {
  switch (node.op) {
    case "matmul":
    case "conv2d":
    case "conv2dInput":
    case "conv2dWeight":
    case "pool":
    case "poolBack":
    case "gather":
    case "scatterAdd":
    case "sort":
    case "checkFinite":
      return true;
    default:
      return false;
  }
}

/** What computing a value inside its user takes: the operations, each once, and the stored values they read. */
interface Inside {
  readonly computes: ReadonlySet<number>;
  readonly cost: number;
  readonly reads: ReadonlySet<number>;
}

const read = (position: number): Inside => ({ computes: new Set(), cost: 0, reads: new Set([position]) });

interface Uses {
  count: number;
  /** A use that needs the value in memory. */
  barrier: boolean;
  /** A use through an expand that repeats elements. */
  grows: boolean;
}

/** Decides for every elementwise node and source whether it is computed inside its users or to memory. */
export function fuse(graph: Graph, position: ReadonlyMap<Node, number>, fused: boolean): Fusion {
  const { nodes } = graph;
  const uses: Uses[] = nodes.map(() => ({ count: 0, barrier: false, grows: false }));
  const image = new Uint8Array(nodes.length);
  const onlyCells = new Uint8Array(nodes.length).fill(1);
  for (const root of graph.roots) {
    uses[root.position]!.count++;
    uses[root.position]!.barrier = true;
    if (!root.cell) onlyCells[root.position] = 0;
  }
  for (let p = nodes.length - 1; p >= 0; p--) {
    const node = nodes[p]!;
    if (isLeaf(node)) continue;
    const commits = onlyCells[p] === 1 && isElementwise(node);
    for (const input of computed(node)) {
      if (!commits) onlyCells[position.get(input.node)!] = 0;
    }
    if (isView(node) && node.op !== "checkFinite" && !uses[p]!.barrier) continue; // its users count, found below through it
    for (const input of computed(node)) reach(input.node, node);
  }

  function reach(start: Node, user: Node): void {
    let node = start;
    let barrier = readsMemory(user) || (isView(user) && user.op !== "checkFinite");
    let grows = false;
    const forImage = user.op.startsWith("conv2d") || user.op.startsWith("pool");
    while (isView(node) && !isLeaf(node)) {
      const source = viewed(node);
      const from = specOf(source).shape;
      const to = node.shape;
      if (node.op === "expand" && sizeOf(to) > sizeOf(from)) grows = true;
      if (node.op === "reshape" && !reshapeBlocks(from, to)) barrier = true;
      if (node.op === "checkFinite") barrier = true;
      node = source.node;
    }
    const at = position.get(node)!;
    uses[at]!.count++;
    if (barrier) uses[at]!.barrier = true;
    if (grows) uses[at]!.grows = true;
    if (forImage && node === start && node.shape.length === 4) image[at] = 1;
  }

  const stored = new Uint8Array(nodes.length);
  const inside: Inside[] = [];
  nodes.forEach((node, p) => {
    const use = uses[p]!;
    const source = sourceCost[node.op];
    if (source !== undefined) {
      stored[p] = use.barrier || (use.grows && source > 0) ? 1 : 0;
      inside[p] = stored[p] ? read(p) : { computes: new Set(source > 0 ? [p] : []), cost: source, reads: new Set() };
      return;
    }
    if (isView(node) && !isLeaf(node)) {
      inside[p] = inside[position.get(node.inputs[0]!.node)!]!;
      return;
    }
    if (!isElementwise(node) || isLeaf(node)) {
      inside[p] = read(p);
      return;
    }
    const computes = new Set([p]);
    const reads = new Set<number>();
    for (const input of node.inputs) {
      const part = inside[position.get(input.node)!]!;
      for (const c of part.computes) computes.add(c);
      for (const r of part.reads) reads.add(r);
    }
    let cost = 0;
    for (const c of computes) cost += elementwiseCost[nodes[c]!.op] ?? sourceCost[nodes[c]!.op]!;
    const { shape, dtype } = node;
    const bytes = sizeOf(shape) * byteSize[dtype];
    const readBytes = [...reads].reduce((sum, r) => sum + bytesOf(nodes[r]!), 0);
    // In bytes moved: every user reads the inputs again, or one kernel reads them, writes the result, and every user reads that.
    const cheap = cost <= limits.repeatedCost && use.count * readBytes <= readBytes + (use.count + 1) * bytes;
    const inline =
      fused &&
      !use.barrier &&
      (!use.grows || reads.size === 0) &&
      computes.size < limits.operations &&
      reads.size <= limits.loads &&
      (use.count <= 1 || cheap);
    stored[p] = inline ? 0 : 1;
    inside[p] = inline ? { computes, cost, reads } : read(p);
  });
  return { stored, image, onlyCells };
}

/** The inputs that a node's value is computed from: all but those that only its derivative needs. */
export function computed(node: Node): readonly Value[] {
  return node.op === "customGradient" ? node.inputs.slice(0, 1) : node.inputs;
}

function bytesOf(node: Node): number {
  return node.outputs.reduce((sum, { shape, dtype }) => sum + sizeOf(shape) * byteSize[dtype], 0);
}

/** True for ops computed element by element. */
export function isElementwise(node: Node): boolean {
  return elementwiseCost[node.op] !== undefined;
}
