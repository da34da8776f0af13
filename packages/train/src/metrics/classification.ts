import { gather, softmax, stack, type Tensor, TensorError } from "@fai/tensor";
import { crossEntropy } from "@fai/tensor/nn";
import type { Metric, SetMetric } from "../metrics.js";

/** Share of decisions that are right where each row has several labels: logits whose sigmoid is above `threshold` (0.5), and targets of 0 and 1, of one shape. A mean over rows. */
export function accuracyThreshold(threshold = 0.5): Metric<Tensor, Tensor> {
  if (!(threshold >= 0 && threshold <= 1))
    throw new TensorError("accuracyThreshold", `threshold is ${threshold}, expected 0 to 1.`);
  return (output, target) => {
    if (output.shape.join() !== target.shape.join()) {
      throw new TensorError(
        "accuracyThreshold",
        `outputs [${output.shape.join(", ")}] with targets [${target.shape.join(", ")}]: expected equal shapes. Is accuracy meant, for class indices?`,
      );
    }
    return output.sigmoid().gt(threshold).cast("f32").eq(target.cast("f32")).mean();
  };
}

/** Share of logits [N, classes] among whose `k` largest (5) the target's class is; equal ones count in its favour. A mean over rows. */
export function topK(k = 5): Metric<Tensor, Tensor> {
  if (!(Number.isInteger(k) && k >= 1))
    throw new TensorError("topK", `k is ${k}, expected a whole number of at least 1.`);
  return (output, target) => {
    const own = gather(output, -1, target.cast("i32").unsqueeze(-1));
    return output.gt(own).cast("f32").sum(-1).lt(k).mean();
  };
}

/** The mean of -log of the probability that logits give the target's class. A mean over rows. */
export const logLoss: Metric<Tensor, Tensor> = (output, target) => crossEntropy(output, target);

/** exp of the mean log loss over all targets of the set: how many tokens the model hesitates between. */
export const perplexity: SetMetric<Tensor, Tensor> = {
  collect: (output, target) => {
    const count = target.size;
    return stack([crossEntropy(output, target).mul(count), crossEntropy(output, target).mul(0).add(count)]);
  },
  finish: (parts) => {
    const [loss, count] = sumParts(parts);
    return Math.exp(loss! / count!);
  },
};

/** Options of `fBeta`, `precision` and `recall`. */
export interface FBetaOptions {
  /**
   * "binary": of class 1, or of the only column there is; "macro": the mean over classes; "micro": of all decisions together; "samples": the mean over rows, as
   * 0.7's f2 ("macro").
   */
  average?: "binary" | "macro" | "micro" | "samples";
  /** Where targets have a 0 or 1 for each class, logits whose sigmoid is above it are a yes (0.5). */
  threshold?: number;
}

/**
 * F-beta over the whole set: recall counts beta times as much as precision. Targets are class indices [N], or a 0 or 1 for
 * each class [N, classes]; outputs are logits [N, classes]. For one decision a row, outputs are [N] or [N, 1]. What is 0 / 0 counts as 0.
 */
export function fBeta(beta: number, options: FBetaOptions = {}): SetMetric<Tensor, Tensor> {
  const weight = beta * beta;
  return scoreOf(options, (hit, predicted, actual) => divide((1 + weight) * hit, predicted + weight * actual));
}

/** Share of the yeses that are right, over the whole set. */
export function precision(options: FBetaOptions = {}): SetMetric<Tensor, Tensor> {
  return scoreOf(options, (hit, predicted) => divide(hit, predicted));
}

/** Share of what is there that is found, over the whole set. */
export function recall(options: FBetaOptions = {}): SetMetric<Tensor, Tensor> {
  return scoreOf(options, (hit, _, actual) => divide(hit, actual));
}

type Score = (hit: number, predicted: number, actual: number) => number;

function scoreOf({ average = "macro", threshold = 0.5 }: FBetaOptions, score: Score): SetMetric<Tensor, Tensor> {
  const axis = average === "samples" ? 1 : 0;
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const scores = (counts: ArrayLike<number>) => {
    const n = counts.length / 3;
    return Array.from({ length: n }, (_, i) => score(counts[i]!, counts[n + i]!, counts[2 * n + i]!));
  };
  return {
    collect: (output, target) => {
      const { predicted, actual } = decisions(output, target, threshold);
      return stack([predicted.mul(actual), predicted, actual]).sum(axis + 1);
    },
    finish: (parts) => {
      if (average === "samples") return mean(parts.flatMap((part) => scores(part)));
      const counts = sumParts(parts);
      if (average === "macro") return mean(scores(counts));
      if (average === "binary") return scores(counts).slice(0, 2).at(-1)!;
      const n = counts.length / 3;
      const total = (at: number) => counts.slice(at * n, (at + 1) * n).reduce((sum, value) => sum + value, 0);
      return score(total(0), total(1), total(2));
    },
  };
}

/** Zeros and ones [N, classes]: what is said, and what is. */
function decisions(output: Tensor, target: Tensor, threshold: number): { predicted: Tensor; actual: Tensor } {
  const isColumn = target.rank === 1 && (output.rank === 1 || (output.rank === 2 && output.shape[1] === 1));
  if (isColumn) return decisions(output.reshape(-1, 1), target.unsqueeze(1), threshold);
  if (output.rank !== 2 || (target.rank !== 1 && target.shape.join() !== output.shape.join())) {
    throw new TensorError(
      "fBeta",
      `outputs [${output.shape.join(", ")}] with targets [${target.shape.join(", ")}]: expected [N, classes] with [N] or [N, classes], or [N] with [N].`,
    );
  }
  if (target.rank === 2) return { predicted: output.sigmoid().gt(threshold).cast("f32"), actual: target.cast("f32") };
  const classes = Array.from({ length: output.shape[1]! }, (_, i) => i);
  const isClass = (index: Tensor) =>
    stack(
      classes.map((c) => index.cast("i32").eq(c).cast("f32")),
      1,
    );
  return { predicted: isClass(output.argmax(-1)), actual: isClass(target) };
}

/** Probability that a random positive has a higher score than a random negative, ties a half; outputs are scores [N] or logits [N, 2]. */
export const auc: SetMetric<Tensor, Tensor> = {
  collect: (output, target) => {
    const isPair = output.rank === 2 && output.shape[1] === 2;
    const score = isPair ? softmax(output, -1).slice([0], [1, 2]).squeeze(1) : output.reshape(-1);
    return stack([score, target.cast("f32").reshape(-1)]);
  },
  finish: (parts) => areaUnderCurve(parts.flatMap((part) => rowsOf(part))),
};

/** The area under the ROC curve of [score, label] pairs; NaN when there are no positives or no negatives. */
export function areaUnderCurve(pairs: readonly (readonly [score: number, label: number])[]): number {
  const sorted = [...pairs].sort(([a], [b]) => a - b);
  const positives = sorted.filter(([, label]) => label > 0.5).length;
  const negatives = sorted.length - positives;
  let ranks = 0;
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (end < sorted.length && sorted[end]![0] === sorted[i]![0]) end++;
    const rank = (i + 1 + end) / 2; // the mean of i + 1 .. end
    for (let k = i; k < end; k++) if (sorted[k]![1] > 0.5) ranks += rank;
    i = end;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** How often each class was taken for each: `matrix[actual][predicted]`. Throws on an index that is no class. */
export function confusionMatrix(predicted: ArrayLike<number>, actual: ArrayLike<number>, classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  if (predicted.length !== actual.length) {
    throw new TensorError("confusionMatrix", `${predicted.length} predictions for ${actual.length} rows.`);
  }
  for (let i = 0; i < actual.length; i++) {
    const row = matrix[actual[i]!];
    if (row?.[predicted[i]!] === undefined) {
      throw new TensorError(
        "confusionMatrix",
        `row ${i} is of class ${actual[i]} and taken for ${predicted[i]}; there are ${classes} classes.`,
      );
    }
    row[predicted[i]!]!++;
  }
  return matrix;
}

/** Options of `bestThreshold`. */
export interface ThresholdOptions {
  /** F-beta's beta (2, as in the course's satellite pictures). */
  beta?: number;
  /** Thresholds to try (0.05, 0.06, ... 0.95). */
  thresholds?: readonly number[];
}

/** The threshold with the highest mean F-beta over rows, for probabilities and 0/1 targets [rows, classes]. */
export function bestThreshold(
  probabilities: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
  { beta = 2, thresholds = Array.from({ length: 91 }, (_, i) => (i + 5) / 100) }: ThresholdOptions = {},
): { threshold: number; score: number } {
  const rows = targets.length / classes;
  const scores = thresholds.map((threshold) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      let [hit, predicted, actual] = [0, 0, 0];
      for (let i = row * classes; i < (row + 1) * classes; i++) {
        const said = probabilities[i]! > threshold ? 1 : 0;
        const is = targets[i]! > 0.5 ? 1 : 0;
        hit += said * is;
        predicted += said;
        actual += is;
      }
      sum += divide((1 + beta * beta) * hit, predicted + beta * beta * actual);
    }
    return sum / rows;
  });
  const best = scores.reduce((at, score, i) => (score > scores[at]! ? i : at), 0);
  return { threshold: thresholds[best]!, score: scores[best]! };
}

function divide(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** The sum of arrays of equal length, in double precision. */
export function sumParts(parts: readonly Float32Array[]): number[] {
  const sums = new Array<number>(parts[0]?.length ?? 0).fill(0);
  for (const part of parts) for (let i = 0; i < part.length; i++) sums[i]! += part[i]!;
  return sums;
}

/** The columns of a part [2, N] as pairs. */
export function rowsOf(part: Float32Array): [number, number][] {
  const n = part.length / 2;
  return Array.from({ length: n }, (_, i) => [part[i]!, part[n + i]!]);
}
