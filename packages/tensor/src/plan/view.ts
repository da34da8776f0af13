import { type Node, type OpParams, specOf, type Value } from "../node.js";
import { reshapeStrides, type Shape } from "../shape.js";
import { isLeaf } from "./graph.js";

/** True for ops that only look at the same elements in another way. */
export function isView(node: Node): boolean {
  switch (node.op) {
    case "reshape":
    case "permute":
    case "expand":
    case "slice":
    case "flip":
    case "detach":
    case "customGradient":
    case "checkFinite":
      return true;
    default:
      return false;
  }
}

/** What a view looks at. A reshape looks through those before it: axes that were split and merged again are as they were. */
export function viewed(view: Node): Value {
  let from = view.inputs[0]!;
  if (view.op === "reshape") while (from.node.op === "reshape" && !isLeaf(from.node)) from = from.node.inputs[0]!;
  return from;
}

/** Strides and offset of a strided look at memory. */
export interface Strided {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/** A view op applied to strided memory; undefined when only a copy can do it. */
export function viewStrides(node: Node, from: Strided): Strided | undefined {
  const shape = node.outputs[0]!.shape;
  const { strides, offset } = from;
  switch (node.op) {
    case "permute": {
      const { order } = node.params as OpParams["permute"];
      return { shape, strides: order.map((a) => strides[a]!), offset };
    }
    case "expand":
      return { shape, strides: shape.map((d, i) => (from.shape[i] === d ? strides[i]! : 0)), offset };
    case "slice": {
      const { start, step } = node.params as OpParams["slice"];
      return {
        shape,
        strides: strides.map((s, i) => s * step[i]!),
        offset: offset + start.reduce((sum, at, i) => sum + at * strides[i]!, 0),
      };
    }
    case "flip": {
      const { axes } = node.params as OpParams["flip"];
      const shift = axes.reduce((sum, a) => sum + Math.max(0, shape[a]! - 1) * strides[a]!, 0);
      return { shape, strides: strides.map((s, i) => (axes.includes(i) ? -s : s)), offset: offset + shift };
    }
    case "reshape": {
      const reshaped = reshapeStrides(from.shape, strides, shape);
      return reshaped && { shape, strides: reshaped, offset };
    }
    default:
      return from;
  }
}

/**
 * How the axes of a value follow from a point of an index space: axis k is `offset[k]` + sum over j of `factors[k][j]` times
 * coordinate j. Views composed of permute, expand, slice, flip and axis-splitting reshapes are such maps.
 */
export interface IndexMap {
  readonly factors: readonly (readonly number[])[];
  readonly offset: readonly number[];
  /** Distinguishes maps within a plan; "" is the identity. */
  readonly key: string;
}

/** The map of a space onto itself. */
export function identityMap(rank: number): IndexMap {
  return {
    factors: Array.from({ length: rank }, (_, k) => unit(rank, k)),
    offset: new Array<number>(rank).fill(0),
    key: "",
  };
}

function unit(rank: number, at: number): number[] {
  const row = new Array<number>(rank).fill(0);
  row[at] = 1;
  return row;
}

function made(factors: (readonly number[])[], offset: number[], rank: number): IndexMap {
  const identity =
    factors.length === rank &&
    offset.every((o) => o === 0) &&
    factors.every((row, k) => row.every((f, j) => f === (j === k ? 1 : 0)));
  return { factors, offset, key: identity ? "" : `${factors.join("/")}+${offset}` };
}

/** The map onto what a view looks at, given the map onto its output; undefined where it is no affine map (merging reshapes). */
export function pullBack(map: IndexMap, node: Node, rank: number): IndexMap | undefined {
  const from = specOf(viewed(node)).shape;
  const to = node.outputs[0]!.shape;
  const zero = new Array<number>(rank).fill(0);
  switch (node.op) {
    case "permute": {
      const { order } = node.params as OpParams["permute"];
      const at = order.map((_, i) => order.indexOf(i));
      return made(
        at.map((i) => map.factors[i]!),
        at.map((i) => map.offset[i]!),
        rank,
      );
    }
    case "expand":
      return made(
        from.map((d, i) => (d === to[i] ? map.factors[i]! : zero)),
        from.map((d, i) => (d === to[i] ? map.offset[i]! : 0)),
        rank,
      );
    case "slice": {
      const { start, step } = node.params as OpParams["slice"];
      return made(
        map.factors.map((row, i) => row.map((f) => f * step[i]!)),
        map.offset.map((o, i) => start[i]! + step[i]! * o),
        rank,
      );
    }
    case "flip": {
      const { axes } = node.params as OpParams["flip"];
      return made(
        map.factors.map((row, i) => (axes.includes(i) ? row.map((f) => -f) : row)),
        map.offset.map((o, i) => (axes.includes(i) ? from[i]! - 1 - o : o)),
        rank,
      );
    }
    case "reshape":
      return pullBackReshape(map, from, to, rank);
    default:
      return map;
  }
}

function pullBackReshape(map: IndexMap, from: Shape, to: Shape, rank: number): IndexMap | undefined {
  const blocks = reshapeBlocks(from, to);
  if (!blocks) return undefined;
  const factors: number[][] = from.map(() => new Array<number>(rank).fill(0));
  const offset: number[] = from.map(() => 0);
  for (const { axis, parts } of blocks) {
    let step = 1;
    for (let p = parts.length - 1; p >= 0; p--) {
      const part = parts[p]!;
      for (let j = 0; j < rank; j++) factors[axis]![j]! += step * map.factors[part]![j]!;
      offset[axis]! += step * map.offset[part]!;
      step *= to[part]!;
    }
  }
  return made(factors, offset, rank);
}

/** For each input axis of size above 1, the output axes it is split into; undefined when axes merge. */
export function reshapeBlocks(from: Shape, to: Shape): { axis: number; parts: number[] }[] | undefined {
  const blocks: { axis: number; parts: number[] }[] = [];
  let j = 0;
  for (let axis = 0; axis < from.length; axis++) {
    if (from[axis] === 1) continue;
    const parts: number[] = [];
    let size = 1;
    while (size < from[axis]! && j < to.length) {
      if (to[j] !== 1) {
        size *= to[j]!;
        parts.push(j);
      }
      j++;
    }
    if (size !== from[axis]) return undefined;
    blocks.push({ axis, parts });
  }
  return blocks;
}
