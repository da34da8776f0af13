import type { Cell } from "../cell.js";
import { TensorError } from "../errors.js";
import { type Node, type Op, type OpParams, specOf, topological, type Value } from "../node.js";
import { formatShape } from "../shape.js";

/** A value to compute: for somebody who holds it (no cell), or as the next version of a cell. */
export interface Root {
  readonly position: number;
  readonly index: number;
  readonly cell: Cell | undefined;
  /** Position of the cell's committed leaf when the graph reads it, else -1. */
  readonly leaf: number;
}

/** What one realize computes: nodes with inputs before users, and what is wanted of them. */
export interface Graph {
  readonly nodes: readonly Node[];
  readonly roots: readonly Root[];
}

/** The place of each node, for as long as other graphs are walked in between. */
export function positionsOf({ nodes }: Graph): ReadonlyMap<Node, number> {
  return new Map(nodes.map((node, i) => [node, i]));
}

/** True when every output of the node is in memory: the planner stops there. */
export function isLeaf(node: Node): boolean {
  for (let i = 0; i < node.outputCount; i++) if (!node.host[i] && !node.device[i]) return node.op === "leaf";
  return true;
}

/** The graph below `results`, everything kept on the way, and the queued assignments. Throws when an overwritten version is read. */
export function capture(results: readonly Value[], queued: ReadonlyMap<Cell, Value>): Graph {
  const wanted: Value[] = [...results];
  const nodes = topological([...results, ...queued.values()], isLeaf);
  for (const node of nodes) {
    if (node.op === "leaf") refuseStale(node);
    else if (node.kept && !isLeaf(node)) {
      node.outputs.forEach((_, index) => {
        if (!wanted.some((w) => w.node === node && w.index === index)) wanted.push({ node, index });
      });
    }
  }
  const roots: Root[] = [];
  for (const { node, index } of wanted) {
    if (!isLeaf(node)) roots.push({ position: node.place, index, cell: undefined, leaf: -1 });
  }
  for (const [cell, { node, index }] of queued) {
    const leaf = cell.committedNode;
    roots.push({ position: node.place, index, cell, leaf: nodes[leaf.place] === leaf ? leaf.place : -1 });
  }
  return { nodes, roots };
}

function refuseStale(node: Node): void {
  if (node.host[0] || node.device[0]) return;
  const { cell, version } = node.cell ?? {};
  const name = cell?.name || `a tensor ${formatShape(specOf({ node, index: 0 }).shape)}`;
  throw new TensorError(
    "realize",
    `the graph reads ${name} v${version}, now v${cell?.version}: its memory holds the newer version. ` +
      `Compute or keep() what needs the old one before the step.`,
  );
}

/** Writes the parameters that shape a plan; values that travel with a submission (constants, seeds) are left out. */
const paramTokens: { [O in Op]?: (params: OpParams[O], tokens: Tokens) => void } = {
  random: (p, t) => t.push(p.kind === "bits" ? 0 : 1),
  sum: (p, t) => t.list(p.axes),
  maxReduce: (p, t) => t.list(p.axes),
  argmax: (p, t) => t.push(p.axis),
  permute: (p, t) => t.list(p.order),
  pad: (p, t) => t.lists(p.before, p.after, p.interior),
  slice: (p, t) => t.lists(p.start, p.step),
  flip: (p, t) => t.list(p.axes),
  concat: (p, t) => t.push(p.axis),
  conv2d: (p, t) => convTokens(p, t),
  conv2dInput: (p, t) => convTokens(p, t),
  conv2dWeight: (p, t) => convTokens(p, t),
  pool: (p, t) => poolTokens(p, t),
  poolBack: (p, t) => poolTokens(p, t),
  gather: (p, t) => t.push(p.axis),
  scatterAdd: (p, t) => t.push(p.axis),
  sort: (p, t) => t.push(p.descending ? 1 : 0),
};

function convTokens(p: OpParams["conv2d"], t: Tokens): void {
  t.push(p.stride[0], p.stride[1], p.padding[0], p.padding[1], p.dilation[0], p.dilation[1], p.groups);
}

function poolTokens(p: OpParams["pool"], t: Tokens): void {
  t.push(
    p.kind === "max" ? 0 : 1,
    p.kernel[0],
    p.kernel[1],
    p.stride[0],
    p.stride[1],
    p.padding[0],
    p.padding[1],
    p.countIncludePad ? 1 : 0,
  );
}

const dtypeToken = { f32: 0, i32: 1, u8: 2, bool: 3, f16: 4 } as const;
const opTokens = new Map<Op, number>();

/** A growing list of whole numbers with a running hash. */
export class Tokens {
  private words = new Int32Array(1024);
  length = 0;
  hash = 0x811c9dc5;

  push(...values: number[]): void {
    for (let i = 0; i < values.length; i++) this.one(values[i]!);
  }
  list(values: readonly number[]): void {
    this.one(values.length);
    for (let i = 0; i < values.length; i++) this.one(values[i]!);
  }
  lists(...all: (readonly number[])[]): void {
    for (const values of all) this.list(values);
  }
  clear(): void {
    this.length = 0;
    this.hash = 0x811c9dc5;
  }
  copy(): Int32Array {
    return this.words.slice(0, this.length);
  }
  equals(other: Int32Array): boolean {
    if (other.length !== this.length) return false;
    for (let i = 0; i < this.length; i++) if (other[i] !== this.words[i]) return false;
    return true;
  }
  one(value: number): void {
    if (this.length === this.words.length) {
      const grown = new Int32Array(this.length * 2);
      grown.set(this.words);
      this.words = grown;
    }
    this.words[this.length++] = value;
    this.hash = Math.imul(this.hash ^ value, 0x01000193);
  }
}

/** Writes what the plan of a graph that was captured just now depends on: ops, parameters, sharing, shapes, dtypes, where leaves live, what is wanted. */
export function writeKey(graph: Graph, tokens: Tokens): void {
  tokens.clear();
  for (const node of graph.nodes) {
    let op = opTokens.get(node.op);
    if (op === undefined) opTokens.set(node.op, (op = opTokens.size));
    if (isLeaf(node)) {
      tokens.one(-1);
      for (let i = 0; i < node.outputCount; i++) tokens.one(node.device[i] ? 1 : 0);
    } else {
      tokens.one(op);
      (paramTokens[node.op] as ((params: unknown, tokens: Tokens) => void) | undefined)?.(node.params, tokens);
      for (let i = 0; i < node.inputs.length; i++) {
        const input = node.inputs[i]!;
        tokens.one(input.node.place);
        tokens.one(input.index);
      }
    }
    tokens.one(dtypeToken[node.dtype]);
    tokens.list(node.shape);
    if (node.second) {
      tokens.one(dtypeToken[node.second.dtype]);
      tokens.list(node.second.shape);
    }
  }
  tokens.one(-2);
  for (const root of graph.roots) tokens.push(root.position, root.index, root.cell ? 1 : 0, root.leaf);
}
