import { Cell } from "./cell.js";
import { isFloat } from "./dtype.js";
import { TensorError } from "./errors.js";
import { handle, type Node, type Op, type OpParams, specOf, topological, type Value } from "./node.js";
import { cast } from "./ops/convert.js";
import { add } from "./ops/elementwise.js";
import { ones, zeros } from "./ops/generate.js";
import { formatShape, sameShape } from "./shape.js";
import type { Tensor } from "./tensor.js";
import { joinSlices, type VjpContext, vjp } from "./vjp.js";

/** Options of `gradients`. */
export interface GradientOptions {
  /** What an unreached tensor gives: an error (default) or zeros. */
  unused?: "error" | "zeros";
  /** The gradient of `loss` itself, for tensors that are no scalars (ones). */
  seed?: Tensor;
}

/** What came to output `index` of a node from one of its users. */
interface Contribution {
  readonly index: number;
  /** The node through which the gradient came, and what had arrived at its output, to recognise slices. */
  readonly node: Node;
  readonly arrived: Tensor;
  readonly gradient: Tensor;
}

/**
 * Derivatives of the scalar `loss` with respect to `of` (tensors, parameters or states), in their order and shapes. Pure:
 * it builds nodes, changes nothing, and may be called on its own results for second derivatives.
 */
export function gradients(
  loss: Tensor,
  of: readonly (Tensor | Cell)[],
  { unused = "error", seed }: GradientOptions = {},
): Tensor[] {
  if (!isFloat(loss.dtype))
    throw new TensorError(
      "gradients",
      `the loss has dtype ${loss.dtype}, only floats have derivatives. Is it a count? Use a loss like crossEntropy or mse.`,
    );
  if (!seed && loss.size !== 1) {
    throw new TensorError(
      "gradients",
      `the loss has shape ${formatShape(loss.shape)}, expected one number. Take its mean() or sum()?`,
    );
  }
  if (seed && !sameShape(seed.shape, loss.shape)) {
    throw new TensorError(
      "gradients",
      `the seed has shape ${formatShape(seed.shape)}, the loss ${formatShape(loss.shape)}.`,
    );
  }
  const targets = of.map((t) => (t instanceof Cell ? t.value : t));
  const wanted = new Map<Node, Set<number>>();
  for (const { node, index } of targets) wanted.set(node, (wanted.get(node) ?? new Set()).add(index));
  const order = topological([loss], () => false);
  const leads = pathsTo(order, wanted);
  const found = walk(loss, seed ?? ones(loss.shape), order, leads, wanted);
  return targets.map((t, i) => {
    const gradient = found.get(t.node)?.[t.index];
    if (gradient) return gradient;
    if (unused === "zeros") return zeros(t.shape, { dtype: isFloat(t.dtype) ? t.dtype : "f32" });
    const cell = of[i] instanceof Cell ? (of[i] as Cell).name : "";
    throw new TensorError(
      "gradients",
      `the loss does not depend on ${cell || `tensor ${i}`} ${formatShape(t.shape)}. ` +
        `Is it used in forward, and nothing detached? Pass {unused: "zeros"} to get zeros.`,
    );
  });
}

/** By place in `order`, which was walked just now: 1 for nodes from which a wanted value is reached through derivatives. */
function pathsTo(order: readonly Node[], wanted: ReadonlyMap<Node, unknown>): Uint8Array {
  const leads = new Uint8Array(order.length);
  for (let i = 0; i < order.length; i++) {
    const node = order[i]!;
    leads[i] =
      wanted.has(node) || (vjp[node.op] !== null && node.inputs.some((v) => leads[v.node.place] === 1)) ? 1 : 0;
  }
  return leads;
}

/** Visits every node that leads to a wanted one after its users, and returns the gradients of the wanted ones. Lists by place keep a step's garbage small. */
function walk(
  loss: Value,
  seed: Tensor,
  order: readonly Node[],
  leads: Uint8Array,
  wanted: ReadonlyMap<Node, unknown>,
): Map<Node, (Tensor | undefined)[]> {
  const arrived = new Array<Contribution | Contribution[] | undefined>(order.length).fill(undefined);
  const settled = new Map<Node, (Tensor | undefined)[]>();
  const visit = new Visit(order, leads);
  const send = (to: Value, contribution: Contribution) => {
    const at = visit.place(to.node);
    const before = arrived[at];
    if (before === undefined) arrived[at] = contribution;
    else if (Array.isArray(before)) before.push(contribution);
    else arrived[at] = [before, contribution];
  };
  send(loss, { index: loss.index, node: loss.node, arrived: seed, gradient: seed });
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    const found = arrived[i];
    if (found === undefined || leads[i] === 0) continue;
    arrived[i] = undefined;
    const gradients = [accumulate(found, node, 0)];
    if (node.second) gradients.push(accumulate(found, node, 1));
    if (wanted.has(node)) settled.set(node, gradients);
    const row = vjp[node.op] as ((context: VjpContext<Op>) => (Tensor | undefined)[]) | null;
    if (row === null || node.inputs.length === 0) continue;
    visit.node = node;
    visit.gradients = gradients;
    const given = row(visit);
    for (let k = 0; k < given.length; k++) {
      const gradient = given[k];
      if (!gradient) continue;
      const input = node.inputs[k]!;
      if (leads[visit.place(input.node)] === 0) continue;
      send(input, { index: input.index, node, arrived: gradients[0] ?? gradient, gradient });
    }
  }
  return settled;
}

/** The node that a walk stands at. One object for the whole walk: rows take out of it what they need. */
class Visit implements VjpContext<Op> {
  node!: Node;
  gradients: readonly (Tensor | undefined)[] = [];
  private readonly order: readonly Node[];
  private readonly leads: Uint8Array;

  constructor(order: readonly Node[], leads: Uint8Array) {
    this.order = order;
    this.leads = leads;
  }
  /** The place of a node in the order; other walks in between (a derivative that asks for derivatives) may have moved it. */
  place(node: Node): number {
    if (this.order[node.place] !== node) {
      this.order.forEach((it, i) => {
        it.place = i;
      });
    }
    return node.place;
  }
  get params(): OpParams[Op] {
    return this.node.params;
  }
  get g(): Tensor {
    return this.gradients[0] ?? zeros(this.node.shape);
  }
  get y(): Tensor {
    return handle(this.node);
  }
  get x(): readonly Tensor[] {
    return this.node.inputs.map((v) => handle(v.node, v.index));
  }
  // A field, because rows take it out of the context.
  readonly needs = (i: number): boolean => this.leads[this.place(this.node.inputs[i]!.node)] === 1;
}

function accumulate(found: Contribution | readonly Contribution[], node: Node, index: number): Tensor | undefined {
  const { shape, dtype } = specOf({ node, index });
  // A gradient is as precise as what it belongs to.
  const fit = (gradient: Tensor) => (isFloat(dtype) ? cast(gradient, dtype) : gradient);
  if (!Array.isArray(found))
    return (found as Contribution).index === index ? fit((found as Contribution).gradient) : undefined;
  const list = (found as readonly Contribution[]).filter((c) => c.index === index);
  if (list.length === 0) return undefined;
  return joinSlices(list, shape, dtype) ?? list.map((c) => fit(c.gradient)).reduce((a, b) => add(a, b));
}
