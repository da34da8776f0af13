import { Cell } from "./cell.js";
import { TensorError } from "./errors.js";
import { handle, type Node, type Op, type OpParams, topological, type Value } from "./node.js";
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

interface Contribution {
  /** The node through which the gradient came, and what had arrived at its output, to recognise slices. */
  node: Node;
  arrived: Tensor;
  gradient: Tensor;
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
  if (loss.dtype !== "f32")
    throw new TensorError(
      "gradients",
      `the loss has dtype ${loss.dtype}, only f32 has derivatives. Is it a count? Use a loss like crossEntropy or mse.`,
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
  const found = walk(loss, seed ?? ones(loss.shape), order, leads);
  return targets.map((t, i) => {
    const gradient = found.get(t.node)?.[t.index];
    if (gradient) return gradient;
    if (unused === "zeros") return zeros(t.shape);
    const cell = of[i] instanceof Cell ? (of[i] as Cell).name : "";
    throw new TensorError(
      "gradients",
      `the loss does not depend on ${cell || `tensor ${i}`} ${formatShape(t.shape)}. ` +
        `Is it used in forward, and nothing detached? Pass {unused: "zeros"} to get zeros.`,
    );
  });
}

/** The nodes from which a wanted value is reached through derivatives. */
function pathsTo(order: readonly Node[], wanted: ReadonlyMap<Node, unknown>): Set<Node> {
  const leads = new Set<Node>();
  for (const node of order) {
    if (wanted.has(node) || (vjp[node.op] !== null && node.inputs.some((i) => leads.has(i.node)))) leads.add(node);
  }
  return leads;
}

function walk(
  loss: Value,
  seed: Tensor,
  order: readonly Node[],
  leads: ReadonlySet<Node>,
): Map<Node, (Tensor | undefined)[]> {
  const arrived = new Map<Node, Contribution[][]>();
  const settled = new Map<Node, (Tensor | undefined)[]>();
  const send = (to: Value, contribution: Contribution) => {
    const outputs = arrived.get(to.node) ?? to.node.outputs.map(() => []);
    outputs[to.index]!.push(contribution);
    arrived.set(to.node, outputs);
  };
  send(loss, { node: loss.node, arrived: seed, gradient: seed });
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i]!;
    const contributions = arrived.get(node);
    if (!contributions || !leads.has(node)) continue;
    arrived.delete(node);
    const gs = contributions.map((list, k) => accumulate(list, node.outputs[k]!.shape));
    settled.set(node, gs);
    const row = vjp[node.op] as ((context: VjpContext<Op>) => (Tensor | undefined)[]) | null;
    if (row === null || node.inputs.length === 0) continue;
    const given = row(new Visit(node, gs, leads));
    given.forEach((gradient, k) => {
      const input = node.inputs[k]!;
      if (gradient && leads.has(input.node)) send(input, { node, arrived: gs[0] ?? gradient, gradient });
    });
  }
  return settled;
}

/** A class, because a literal with getters costs V8 a hidden class each time, which keeps the graph alive past young garbage collections. */
class Visit implements VjpContext<Op> {
  readonly node: Node;
  readonly gradients: readonly (Tensor | undefined)[];
  private readonly leads: ReadonlySet<Node>;

  constructor(node: Node, gradients: readonly (Tensor | undefined)[], leads: ReadonlySet<Node>) {
    this.node = node;
    this.gradients = gradients;
    this.leads = leads;
  }
  get params(): OpParams[Op] {
    return this.node.params;
  }
  get g(): Tensor {
    return this.gradients[0] ?? zeros(this.node.outputs[0]!.shape);
  }
  get y(): Tensor {
    return handle(this.node);
  }
  get x(): readonly Tensor[] {
    return this.node.inputs.map((v) => handle(v.node, v.index));
  }
  // A field, because rows take it out of the context.
  readonly needs = (i: number): boolean => this.leads.has(this.node.inputs[i]!.node);
}

function accumulate(list: readonly Contribution[], shape: readonly number[]): Tensor | undefined {
  if (list.length === 0) return undefined;
  return joinSlices(list, shape) ?? list.map((c) => c.gradient).reduce((a, b) => add(a, b));
}
