import type { ContractOp, ContractParams } from "../backend.js";
import { isFloat } from "../dtype.js";
import { invariant } from "../errors.js";
import { type Node, type OpParams, specOf, type Value } from "../node.js";
import { contiguousStrides, reshapeStrides, type Shape, sizeOf } from "../shape.js";
import { Copies, newStored } from "./copies.js";
import { Drafts } from "./draft.js";
import {
  type Expression,
  Expressions,
  type Place,
  type ScalarSource,
  type Stored,
  viewWindow,
  type Window,
} from "./expression.js";
import { type Fusion, fuse, isElementwise } from "./fuse.js";
import { type Graph, isLeaf, positionsOf, type Root } from "./graph.js";
import { channelsLast, denseStrides, followedOrder, isChannelsLast, type Order, rowMajor } from "./layout.js";
import { findParts, type Part } from "./parts.js";
import { identityMap, isView } from "./view.js";

/** A commit by copying: for new versions that are no elementwise result, or whose old version others still read. */
export interface Copy {
  readonly root: number;
  readonly from: Window;
}

/** Kernels and copies of a graph, before places in memory are chosen. */
export interface Built {
  readonly drafts: Drafts;
  readonly copies: readonly Copy[];
  readonly scalars: readonly ScalarSource[];
}

/** Turns a graph into groups: one forward pass that gives every stored value a window and every kernel its place in the order. */
export class Builder {
  private readonly graph: Graph;
  private readonly position: ReadonlyMap<Node, number>;
  private readonly fusion: Fusion;
  private readonly drafts: Drafts;
  private readonly expressions: Expressions;
  private readonly windows = new Map<Node, (Window | undefined)[]>();
  private readonly leaves = new Map<number, Stored>();
  /** The first root of each value: its memory can be the root's own. */
  private readonly firstRoot = new Map<string, number>();
  private readonly satisfied = new Set<number>();
  private readonly copies: Copies;
  private readonly parts: ReadonlyMap<Node, Part>;
  /** By concat: its memory, and the inputs that were computed to their places in it. */
  private readonly joined = new Map<Node, { to: Window; done: Set<number> }>();

  constructor(graph: Graph, fused: boolean, contractsHalves: boolean) {
    this.graph = graph;
    this.position = positionsOf(graph);
    this.fusion = fuse(graph, this.position, fused);
    this.parts = fused ? findParts(graph, this.position, this.fusion) : new Map<Node, Part>();
    this.drafts = new Drafts(fused);
    this.expressions = new Expressions(this.position, (value) => this.window(value));
    this.copies = new Copies(this.drafts, this.expressions, contractsHalves);
    graph.roots.forEach((root, i) => {
      const key = `${root.position}.${root.index}`;
      if (!this.firstRoot.has(key)) this.firstRoot.set(key, i);
    });
  }

  build(): Built {
    for (const [position, node] of this.graph.nodes.entries()) this.place(node, position);
    const copies = this.finishRoots();
    return { drafts: this.drafts, copies, scalars: this.expressions.scalars };
  }

  private window(value: Value): Window | undefined {
    return this.windows.get(value.node)?.[value.index];
  }

  private setWindow(node: Node, index: number, window: Window): void {
    const list = this.windows.get(node) ?? [];
    list[index] = window;
    this.windows.set(node, list);
  }

  private place(node: Node, position: number): void {
    if (isLeaf(node)) return this.placeLeaf(node, position);
    if (isView(node)) return this.placeView(node, position);
    if (isElementwise(node) || node.op === "constant" || node.op === "iota" || node.op === "random") {
      if (this.fusion.stored[position]) this.storeElementwise(node, position);
      return;
    }
    switch (node.op) {
      case "sum":
      case "maxReduce":
      case "argmax":
        return this.placeReduce(node, position);
      case "concat":
        return this.placeConcat(node as Node<"concat">, position);
      case "pad":
        return this.placePad(node as Node<"pad">, position);
      default:
        return this.placeContract(node, position);
    }
  }

  private placeLeaf(node: Node, position: number): void {
    node.outputs.forEach(({ shape, dtype }, index) => {
      const place: Place = { kind: "leaf", position, index, upload: !node.device[index] };
      const stored = newStored({ shape, dtype }, rowMajor(shape.length), place);
      if (index === 0) this.leaves.set(position, stored);
      this.setWindow(node, index, { ...stored.home, stored });
    });
  }

  private placeView(node: Node, position: number): void {
    const input = node.inputs[0]!;
    const from = this.window(input);
    if (node.op === "checkFinite") {
      const window = from!;
      this.drafts.contract(position, "checkFinite", null, [window], []);
      this.setWindow(node, 0, window);
      return;
    }
    if (!from) return; // its users look through it
    const look = viewWindow(node, from) ?? this.copies.copied(from);
    this.setWindow(node, 0, look.stored === from.stored ? look : viewWindow(node, look)!);
  }

  /** A value computed element by element, to memory of its own. */
  private storeElementwise(node: Node, position: number): void {
    const value = { node, index: 0 };
    const { shape } = specOf(value);
    const root = this.firstRoot.get(`${position}.0`);
    if (node.op === "constant" && root === undefined) return this.storeConstant(node, value);
    const cell = root === undefined ? undefined : this.graph.roots[root]!.cell;
    const expression = this.expressions.of(value, identityMap(shape.length), shape.join(), shape.length);
    // What only new versions depend on is computed where they are: mostly in registers of the group that commits.
    const commit = this.fusion.onlyCells[position] === 1 && isElementwise(node);
    const inPlace = commit && cell !== undefined;
    const followed = followedOrder([expression], shape);
    const order = this.fusion.image[position] && shape.length === 4 ? channelsLast : followed;
    const inside = this.insideConcat(node, order);
    if (inside) {
      this.drafts.map(shape, expression, inside, order, false);
      return;
    }
    let place: Place = { kind: "scratch" };
    if (root !== undefined && (!cell || inPlace)) {
      place = cell ? { kind: "cell", root } : { kind: "result", root };
      this.satisfied.add(root);
    }
    const stored = newStored(specOf(value), place.kind === "scratch" ? order : rowMajor(shape.length), place);
    stored.expression = expression;
    this.drafts.map(shape, expression, { stored, ...this.strided(stored) }, order, commit);
    this.setWindow(node, 0, { ...stored.home, stored });
  }

  /** Where `node`, whose result lies in `order`, is to be computed to as a part of a concat, if it is one. */
  private insideConcat(node: Node, order: Order): Window | undefined {
    const part = this.parts.get(node);
    if (!part || order.some((axis, i) => axis !== i)) return undefined;
    const { concat, input, shape } = part;
    const position = this.position.get(concat)!;
    const joined = this.joined.get(concat) ?? { to: this.concatMemory(concat, position), done: new Set<number>() };
    this.joined.set(concat, joined);
    const { to, done } = joined;
    const axis = concat.params.axis;
    const before = concat.inputs.slice(0, input).reduce((sum, value) => sum + specOf(value).shape[axis]!, 0);
    const own = specOf({ node, index: 0 }).shape;
    const strides = reshapeStrides(shape, to.strides, own);
    if (!strides) return undefined;
    done.add(input);
    const window = { shape: own, strides, offset: to.offset + before * to.strides[axis]!, stored: to.stored };
    this.setWindow(node, 0, window);
    return window;
  }

  /** Row-major memory for a concat: inside another that it is a part of, or of its own. */
  private concatMemory(concat: Node<"concat">, position: number): Window {
    const rank = concat.shape.length;
    const to = this.insideConcat(concat, rowMajor(rank)) ?? this.output(concat, position, 0);
    to.stored.read = true;
    return to;
  }

  /** One element, seen everywhere. */
  private storeConstant(node: Node, value: Value): void {
    const { shape, dtype } = specOf(value);
    const stored = newStored({ shape: [], dtype }, [], { kind: "scratch" });
    stored.expression = this.expressions.of(value, identityMap(0), "", 0);
    this.drafts.map([], stored.expression, { stored, ...this.strided(stored) }, [], false);
    this.setWindow(node, 0, { shape, strides: shape.map(() => 0), offset: 0, stored });
  }

  private strided(stored: Stored): { strides: readonly number[]; offset: number } {
    return { strides: stored.home.strides, offset: 0 };
  }

  /** Row-major (or `order`ed) memory for output `index`, the result's own where it is wanted and fits. */
  private output(node: Node, position: number, index: number, order?: Order): Window {
    const value = { node, index };
    const { shape } = specOf(value);
    const natural = order ?? rowMajor(shape.length);
    const root = this.firstRoot.get(`${position}.${index}`);
    let place: Place = { kind: "scratch" };
    const dense = denseStrides(shape, natural);
    const plain = contiguousStrides(shape).every((s, i) => shape[i]! <= 1 || s === dense[i]);
    if (root !== undefined && !this.graph.roots[root]!.cell && plain) {
      place = { kind: "result", root };
      this.satisfied.add(root);
    }
    const stored = newStored(specOf(value), natural, place);
    const window = { ...stored.home, stored };
    this.setWindow(node, index, window);
    return window;
  }

  private placeReduce(node: Node, position: number): void {
    const input = node.inputs[0]!;
    const { shape } = specOf(input);
    const axes =
      node.op === "argmax" ? [(node.params as OpParams["argmax"]).axis] : (node.params as OpParams["sum"]).axes;
    const expression = this.expressions.of(input, identityMap(shape.length), shape.join(), shape.length);
    const order = followedOrder([expression], shape);
    const to = this.output(node, position, 0);
    const op = node.op === "sum" ? "sum" : node.op === "argmax" ? "argmax" : "max";
    const strides = to.strides.map((s, i) => (axes.includes(i) ? 0 : s));
    this.drafts.reduce(shape, axes, op, expression, { stored: to.stored, strides, offset: 0 }, order);
  }

  private placeConcat(node: Node<"concat">, position: number): void {
    const { axis } = node.params;
    const { shape } = node;
    const joined = this.joined.get(node);
    const parts = node.inputs.map((input, i) => {
      const from = specOf(input).shape;
      if (joined?.done.has(i)) return { from, expression: undefined };
      return { from, expression: this.expressions.of(input, identityMap(from.length), from.join(), from.length) };
    });
    let order = rowMajor(shape.length);
    let to = joined?.to;
    if (!to && this.fusion.image[position] && shape.length === 4) order = channelsLast;
    else if (!to && !this.parts.has(node)) {
      const largest = parts.reduce((a, b) => (sizeOf(b.from) > sizeOf(a.from) ? b : a));
      order = followedOrder([largest.expression!], largest.from);
    }
    if (!to && this.parts.has(node)) to = this.concatMemory(node, position);
    to ??= this.output(node, position, 0, this.firstRoot.has(`${position}.0`) ? undefined : order);
    let at = 0;
    for (const { from, expression } of parts) {
      const offset = to.offset + at * to.strides[axis]!;
      at += from[axis]!;
      if (expression) this.write(from, expression, to.stored, to.strides, offset, order);
    }
    to.stored.read = true;
  }

  private placePad(node: Node<"pad">, position: number): void {
    const { before, interior } = node.params;
    const input = node.inputs[0]!;
    const from = specOf(input).shape;
    const { shape, dtype } = node;
    const expression = this.expressions.of(input, identityMap(from.length), from.join(), from.length);
    const order = this.fusion.image[position] && shape.length === 4 ? channelsLast : followedOrder([expression], from);
    const to = this.output(node, position, 0, this.firstRoot.has(`${position}.0`) ? undefined : order);
    const fill = this.expressions.scalar(position, "padValue", isFloat(dtype) ? "f32" : "i32");
    this.write(shape, fill, to.stored, to.strides, 0, order);
    const offset = before.reduce((sum, b, i) => sum + b * to.strides[i]!, 0);
    const strides = to.strides.map((s, i) => s * (interior[i]! + 1));
    this.write(from, expression, to.stored, strides, offset, order, to.stored.producer);
    to.stored.read = true;
  }

  private write(
    space: Shape,
    expression: Expression,
    stored: Stored,
    strides: readonly number[],
    offset: number,
    order: Order,
    after = -1,
  ): void {
    if (sizeOf(space) > 0) this.drafts.map(space, expression, { stored, strides, offset }, order, false, after);
  }

  private placeContract(node: Node, position: number): void {
    const image = node.op.startsWith("conv2d") || node.op.startsWith("pool");
    const inputs = node.inputs.map((input, i) => {
      const window = this.window(input)!;
      const isImage = image && !(i === 1 && (node.op === "conv2d" || node.op === "conv2dInput"));
      const reordered = isImage && !isChannelsLast(window.shape, window.strides);
      return this.copies.readable(reordered ? this.copies.copied(window, channelsLast) : window);
    });
    const outOrder = image && node.op !== "conv2dWeight" ? channelsLast : undefined;
    const outputs = node.outputs.map((_, index) => this.output(node, position, index, outOrder));
    if (outputs.every(({ stored }) => stored.elements === 0)) return;
    const written = outputs.map((to) => this.copies.writable(to));
    this.drafts.contract(position, node.op as ContractOp, node.params as ContractParams[ContractOp], inputs, written);
    outputs.forEach((to, i) => {
      if (written[i] !== to) this.copies.round(written[i]!, to);
    });
  }

  /** Copies for the results that have no memory of their own yet, and for the commits that could not be made in place. */
  private finishRoots(): Copy[] {
    const copies: Copy[] = [];
    this.graph.roots.forEach((root, i) => {
      if (this.satisfied.has(i)) return;
      if (!root.cell) this.copyResult(root, i);
    });
    this.downgradeReadCells();
    const written = new Set<Stored>();
    for (const root of this.graph.roots) if (root.cell && root.leaf >= 0) written.add(this.leaves.get(root.leaf)!);
    this.graph.roots.forEach((root, i) => {
      if (!root.cell || this.satisfied.has(i)) return;
      const node = this.graph.nodes[root.position]!;
      let from = this.window({ node, index: root.index });
      invariant(from, "a root is stored");
      if (written.has(from.stored)) from = this.copies.copied(from);
      from.stored.read = true;
      copies.push({ root: i, from });
    });
    return copies;
  }

  private copyResult(root: Root, i: number): void {
    const node = this.graph.nodes[root.position]!;
    const value = { node, index: root.index };
    const { shape } = specOf(value);
    const stored = newStored(specOf(value), rowMajor(shape.length), { kind: "result", root: i });
    const expression = this.expressions.of(value, identityMap(shape.length), shape.join(), shape.length);
    this.write(shape, expression, stored, stored.home.strides, 0, followedOrder([expression], shape));
  }

  /** A cell is written in place only when no other committing group still reads its old version, and its own group reads it point by point. */
  private downgradeReadCells(): void {
    const { committing } = this.drafts;
    committing.forEach((draft, at) => {
      if (draft.kind !== "map") return;
      for (const { to } of draft.outputs) {
        const { place } = to.stored;
        if (place.kind !== "cell") continue;
        const { leaf } = this.graph.roots[place.root]!;
        const old = this.leaves.get(leaf);
        if (!old) continue;
        const elsewhere = committing.some((other, k) => k !== at && other.reads.has(old));
        const apart = draft.outputs.some((o) => readsApart(o.expression, old));
        if (!elsewhere && !apart) continue;
        this.satisfied.delete(place.root);
        to.stored.place = { kind: "scratch" };
      }
    });
  }
}

/** Whether an expression reads `old` at other points than the one it is computed for. */
function readsApart(expression: Expression, old: Stored): boolean {
  if (expression.kind === "op") return expression.inputs.some((e) => readsApart(e, old));
  if (expression.kind !== "load" || expression.stored !== old) return false;
  const { strides } = old.home;
  return (
    expression.offset !== 0 ||
    expression.strides.length !== strides.length ||
    expression.strides.some((s, i) => s !== strides[i] && old.home.shape[i]! > 1)
  );
}
