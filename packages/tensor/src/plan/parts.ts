import { type Node, specOf } from "../node.js";
import { type Shape, sizeOf } from "../shape.js";
import { type Fusion, isElementwise } from "./fuse.js";
import { type Graph, isLeaf } from "./graph.js";

/** Where a value lies inside the concat that joins it with others. */
export interface Part {
  readonly concat: Node<"concat">;
  /** Which input of the concat it is, and its shape there: reshapes may lie between. */
  readonly input: number;
  readonly shape: Shape;
}

/**
 * The values that are stored anyway and that a concat joins: they can be computed to where they lie in the joined memory, instead
 * of to memory of their own and copied. A value has one place, in the first concat that asks for it.
 */
export function findParts(
  { nodes, roots }: Graph,
  position: ReadonlyMap<Node, number>,
  { stored, image }: Fusion,
): Map<Node, Part> {
  const parts = new Map<Node, Part>();
  const wanted = new Set(roots.map((root) => nodes[root.position]!));
  for (const [at, node] of nodes.entries()) {
    if (node.op !== "concat" || isLeaf(node) || image[at]) continue;
    for (const [input, value] of node.inputs.entries()) {
      const { shape } = specOf(value);
      let made = value.node;
      while (made.op === "reshape" && !isLeaf(made)) made = made.inputs[0]!.node;
      if (isLeaf(made) || parts.has(made) || wanted.has(made) || sizeOf(shape) === 0) continue;
      const inMemory = made.op === "concat" || (isElementwise(made) && stored[position.get(made)!] === 1);
      if (inMemory) parts.set(made, { concat: node as Node<"concat">, input, shape });
    }
  }
  return parts;
}
