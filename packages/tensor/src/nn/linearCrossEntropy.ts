import { TensorError } from "../errors.js";
import { matmul } from "../ops/contract.js";
import { real, reshape, type TensorLike, toTensor } from "../ops/convert.js";
import { add, eq, exp, log, maximum, mul, sub, where } from "../ops/elementwise.js";
import { customGradient, take } from "../ops/gather.js";
import { iota } from "../ops/generate.js";
import { concat, slice, squeeze, transpose, unsqueeze } from "../ops/movement.js";
import { amax, sum } from "../ops/reduce.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { readIndices } from "./crossEntropy.js";
import type { LossOptions } from "./reduction.js";

/** Options of `linearCrossEntropy`. */
export interface LinearCrossEntropyOptions extends LossOptions {
  /** The linear layer's weight [C, F]; the embedding's table where the two are tied. */
  weight: TensorLike;
  /** Its bias [C] (none). */
  bias?: TensorLike | undefined;
  /** Targets of this value count for nothing (-100). */
  ignoreIndex?: number;
  /** How many classes are computed at a time (as many as make 16 MB of logits, at least 256). */
  chunk?: number;
}

/** Logits that are in memory at a time, unless `chunk` says otherwise. */
const chunkElements = 2 ** 22;
const smallestChunk = 256;
/** In place of -Infinity, which a chunk of masked classes has as its largest logit: their difference would be no number. */
const lowest = -3.4e38;

/**
 * The cross-entropy of softmax(input @ weightᵀ + bias) and class indices, without all logits ever being in memory: input [..., F],
 * target [...] (i32 or u8), for vocabularies of tens of thousands of words. Equal to `crossEntropy` of those logits but for rounding.
 *
 * The forward pass goes through the classes chunk by chunk and keeps the logarithm of the sum of exponentials of each row (as Liger's
 * and PyTorch's functions of this name do by rows); the gradient computes the logits of a chunk again. That is one product more than
 * the three of the plain form, in return for memory of rows * chunk in place of rows * C. A target outside 0..C-1 that is not
 * `ignoreIndex` is an error when the step runs, and no parameter changes in that step.
 */
export function linearCrossEntropy(
  input: TensorLike,
  target: TensorLike,
  { weight, bias, chunk, ...options }: LinearCrossEntropyOptions,
): Tensor {
  const op = "linearCrossEntropy";
  const given = real(op, input);
  const w = real(op, weight);
  const b = bias === undefined ? undefined : real(op, bias);
  const y = toTensor(op, target);
  checkShapes(op, given, w, b, y);
  const [classes, features] = w.shape as [number, number];
  const x = reshape(given, [-1, features]);
  const { counts, known, reduce } = readIndices(op, classes, reshape(y, [-1]), options);
  const size = chunkSize(op, chunk, x.shape[0]!, classes);
  const starts = Array.from({ length: Math.ceil(classes / size) }, (_, i) => i * size);
  const rowsOf = (parameter: Tensor, start: number) => slice(parameter, [start, Math.min(start + size, classes)]);
  // Called again for the gradient: what is computed anew is held by nobody in between.
  const logitsOf = (start: number) => {
    const product = matmul(x, transpose(rowsOf(w, start)));
    return b === undefined ? product : add(product, rowsOf(b, start));
  };

  const kept = { keepDims: true };
  const parts = starts.map((start) => {
    const logits = logitsOf(start);
    const top = maximum(amax(logits, 1, kept), lowest);
    return { top, sum: sum(exp(sub(logits, top)), 1, kept) };
  });
  const tops = concat(
    parts.map(({ top }) => top),
    1,
  );
  const sums = concat(
    parts.map((part) => part.sum),
    1,
  );
  const top = amax(tops, 1, kept);
  const logSum = add(log(sum(mul(sums, exp(sub(tops, top))), 1, kept)), top); // [N, 1]
  const product = sum(mul(x, take(w, known)), 1);
  const own = b === undefined ? product : add(product, take(b, known));
  const losses = customGradient(sub(squeeze(logSum, 1), own), b === undefined ? [x, w] : [x, w, b], (g) => {
    const scale = unsqueeze(g, 1);
    const wanted = unsqueeze(known, 1);
    let dInput: Tensor | undefined;
    const dWeight: Tensor[] = [];
    const dBias: Tensor[] = [];
    for (const start of starts) {
      const logits = logitsOf(start);
      const hit = eq(add(iota(logits.shape[1]!), start), wanted);
      const shares = exp(sub(logits, logSum));
      const d = mul(where(hit, sub(shares, 1), shares), scale);
      const part = matmul(d, rowsOf(w, start));
      dInput = dInput === undefined ? part : add(dInput, part);
      dWeight.push(matmul(transpose(d), x));
      dBias.push(sum(d, 0));
    }
    const gradients = [dInput, concat(dWeight, 0)];
    return b === undefined ? gradients : [...gradients, concat(dBias, 0)];
  });
  const reduced = reduce(where(counts, losses, 0));
  return options.reduction === "none" ? reshape(reduced, y.shape) : reduced;
}

function checkShapes(op: string, x: Tensor, weight: Tensor, bias: Tensor | undefined, target: Tensor): void {
  const [classes, features] = weight.shape;
  if (weight.rank !== 2 || x.shape.at(-1) !== features) {
    throw new TensorError(
      op,
      `the input has shape ${formatShape(x.shape)}, the weight ${formatShape(weight.shape)}; expected [..., F] and [C, F]. Transpose the weight?`,
    );
  }
  if (bias !== undefined && !sameShape(bias.shape, [classes!])) {
    throw new TensorError(
      op,
      `the bias has shape ${formatShape(bias.shape)}, expected [${classes}], one for each class.`,
    );
  }
  if (target.dtype !== "i32" && target.dtype !== "u8") {
    throw new TensorError(op, `targets have dtype ${target.dtype}, expected class indices. target.cast("i32")?`);
  }
  if (!sameShape(target.shape, x.shape.slice(0, -1))) {
    throw new TensorError(
      op,
      `the targets have shape ${formatShape(target.shape)}, expected ${formatShape(x.shape.slice(0, -1))} for an input ${formatShape(x.shape)}.`,
    );
  }
}

function chunkSize(op: string, asked: number | undefined, rows: number, classes: number): number {
  if (asked !== undefined && !(Number.isInteger(asked) && asked >= 1)) {
    throw new TensorError(op, `chunk is ${asked}, expected a whole number of classes, 1 or more.`);
  }
  // Whole vectors of the widest kernels.
  const fitting = Math.floor(chunkElements / Math.max(rows, 1) / 64) * 64;
  return Math.min(asked ?? Math.max(fitting, smallestChunk), Math.max(classes, 1));
}
