import { TensorError } from "../errors.js";
import { type Node, specOf } from "../node.js";
import type { Tensor } from "../tensor.js";
import { cast } from "./convert.js";

/** Options of `autocast`. */
export interface AutocastOptions {
  /** False computes in the operands' own dtypes inside of a scope that is on (true). */
  enabled?: boolean;
}

/** The halves that the scope made so far; undefined outside of a scope. */
let halves: Map<Node, Tensor> | undefined;

/**
 * What `body` gives, with the operands of its matrix products and convolutions rounded to f16, and f16 results, as PyTorch's autocast
 * does: functions of real numbers, reductions, statistics of norms and losses stay f32. Gradients flow back as f16 to the rounded
 * operands and become f32 at what was rounded; they may be asked for outside. `body` has to be synchronous.
 */
export function autocast<T>(body: () => T, { enabled = true }: AutocastOptions = {}): T {
  const around = halves;
  halves = enabled ? (around ?? new Map()) : undefined;
  try {
    const result = body();
    if (typeof (result as { then?: unknown } | undefined)?.then === "function") {
      throw new TensorError(
        "autocast",
        "the body is asynchronous: what it does after its first await lies outside. Await outside of autocast?",
      );
    }
    return result;
  } finally {
    halves = around;
  }
}

/** An operand of a contraction as the scope wants it; a value that several contractions read is rounded once. */
export function autocasted(x: Tensor): Tensor {
  if (!halves || specOf(x).dtype !== "f32") return x;
  if (x.index !== 0) return cast(x, "f16");
  let half = halves.get(x.node);
  if (!half) halves.set(x.node, (half = cast(x, "f16")));
  return half;
}
