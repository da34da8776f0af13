import { TensorError } from "../errors.js";
import { cast, real, reshape, type TensorLike, toTensor } from "../ops/convert.js";
import { add, div, eq, mul, ne, neg, where } from "../ops/elementwise.js";
import { gather, take } from "../ops/gather.js";
import { iota } from "../ops/generate.js";
import { squeeze, unsqueeze } from "../ops/movement.js";
import { sum } from "../ops/reduce.js";
import { formatShape, normalizeAxis, type Shape, sameShape, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { type LossOptions, type Reduction, reduceLosses } from "./reduction.js";
import { softmaxLoss } from "./softmaxLoss.js";

/** Options of `nll`. */
export interface NllOptions extends LossOptions {
  /** A weight for each class [C]; the mean is then the weighted mean. */
  weight?: TensorLike;
  /** Targets of this value count for nothing (-100). */
  ignoreIndex?: number;
  /** Where the classes of the input lie, when its shape leaves it open (see `crossEntropy`). */
  classAxis?: number;
}

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions extends NllOptions {
  /** Share of the target that is spread evenly over all classes (0) (Szegedy et al., 2015). */
  labelSmoothing?: number;
}

/**
 * The cross-entropy of softmax(input) and the targets: class indices (i32 or u8), or probabilities (f32, of the input's shape).
 *
 * Shapes: classes on the last axis, [..., C] with indices [...], as [N, C] with [N] or [T, B, C] with [T, B]; or on axis 1, as
 * PyTorch has it, [N, C, H, W] with [N, H, W]. The shape of the indices tells which. When it fits both (or the targets are
 * probabilities), inputs of up to 3 axes have their classes last and larger ones on axis 1; `classAxis` says otherwise.
 * An index outside 0..C-1 that is not `ignoreIndex` is an error when the step runs, and no parameter changes in that step.
 */
export function crossEntropy(
  input: TensorLike,
  target: TensorLike,
  { labelSmoothing = 0, ...options }: CrossEntropyOptions = {},
): Tensor {
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new TensorError("crossEntropy", `labelSmoothing is ${labelSmoothing}, expected a number from 0 to 1.`);
  }
  const x = real("crossEntropy", input);
  const y = toTensor("crossEntropy", target);
  const axis = findClassAxis("crossEntropy", x.shape, y, options.classAxis);
  if (y.dtype === "f32") return softLoss(x, y, axis, labelSmoothing, options);
  return hardLoss(x, y, axis, labelSmoothing, options);
}

/** The negative log-likelihood of class indices under log-probabilities, as `logSoftmax` gives; shapes as for `crossEntropy`. */
export function nll(logProbability: TensorLike, target: TensorLike, options: NllOptions = {}): Tensor {
  const logs = real("nll", logProbability);
  const y = toTensor("nll", target);
  if (y.dtype === "f32")
    throw new TensorError(
      "nll",
      `targets have dtype f32, expected class indices. Convert them with target.cast("i32")?`,
    );
  const axis = findClassAxis("nll", logs.shape, y, options.classAxis);
  const { counts, known, weights, reduce } = readIndices("nll", logs.shape[axis]!, y, options);
  const own = squeeze(gather(logs, axis, unsqueeze(known, axis)), axis);
  return reduce(where(counts, neg(mul(own, weights)), 0));
}

/** What class indices say about each loss; all have the indices' shape. */
export interface ClassIndices {
  /** Whether the target counts at all. */
  counts: Tensor;
  /** The class, 0 where the target does not count. */
  known: Tensor;
  /** The weight of the class, 0 where the target does not count. */
  weights: Tensor;
  /** The weights of all classes [C], if there are any. */
  perClass: Tensor | undefined;
  /** The losses as they were asked for. */
  reduce: (losses: Tensor) => Tensor;
}

/** Reads class indices for `op`; an index that is out of range fails the step. */
export function readIndices(
  op: string,
  classes: number,
  target: Tensor,
  { weight, ignoreIndex = -100, reduction = "mean" }: NllOptions,
): ClassIndices {
  const index = cast(target, "i32");
  const counts = ne(index, ignoreIndex);
  // Looking the index up in a list of all classes gives the index: it is there to refuse one that is out of range.
  const known = take(iota(classes), where(counts, index, 0));
  const perClass = weight === undefined ? undefined : classWeights(op, weight, classes);
  const weights = where(counts, perClass === undefined ? 1 : take(perClass, known), 0);
  const reduce = (losses: Tensor) =>
    reduction === "mean" ? div(sum(losses), sum(weights)) : reduceLosses(op, losses, reduction);
  return { counts, known, weights, perClass, reduce };
}

/** Losses of class indices. */
function hardLoss(x: Tensor, target: Tensor, axis: number, smoothing: number, options: NllOptions): Tensor {
  const classes = x.shape[axis]!;
  const { counts, known, weights, perClass, reduce } = readIndices("crossEntropy", classes, target, options);
  const own = unsqueeze(where(counts, known, -1), axis);
  const hit = eq(alongAxis(iota(classes), x.shape, axis), own);
  if (smoothing === 0) {
    // Only the own class is looked at: others may be masked by -Infinity.
    const weigh = (values: Tensor) => where(hit, values, 0);
    const losses = squeeze(softmaxLoss(x, axis, { shares: cast(hit, "f32"), total: 1, weigh }), axis);
    return reduce(where(counts, mul(losses, weights), 0));
  }
  const certain = unsqueeze(mul(weights, 1 - smoothing), axis);
  const spread = mul(perClass === undefined ? 1 : alongAxis(perClass, x.shape, axis), smoothing / classes);
  const shares = add(where(hit, certain, 0), spread);
  const total = add(certain, perClass === undefined ? smoothing : mul(sum(perClass), smoothing / classes));
  const weigh = (values: Tensor) => add(where(hit, mul(values, certain), 0), mul(values, spread));
  return reduce(where(counts, squeeze(softmaxLoss(x, axis, { shares, total, weigh }), axis), 0));
}

/** Losses of probabilities. */
function softLoss(
  x: Tensor,
  target: Tensor,
  axis: number,
  smoothing: number,
  { weight, reduction = "mean" }: { weight?: TensorLike; reduction?: Reduction },
): Tensor {
  const classes = x.shape[axis]!;
  const wanted = smoothing > 0 ? add(mul(target, 1 - smoothing), smoothing / classes) : target;
  const shares =
    weight === undefined
      ? wanted
      : mul(wanted, alongAxis(classWeights("crossEntropy", weight, classes), x.shape, axis));
  const total = sum(shares, axis, { keepDims: true });
  const losses = softmaxLoss(x, axis, { shares, total, weigh: (values) => mul(values, shares) });
  return reduceLosses("crossEntropy", squeeze(losses, axis), reduction);
}

function classWeights(op: string, weight: TensorLike, classes: number): Tensor {
  const w = real(op, weight);
  if (sameShape(w.shape, [classes])) return w;
  throw new TensorError(op, `the class weights have shape ${formatShape(w.shape)}, expected [${classes}].`);
}

/** A vector [C] with axes of size 1 around it, so that it lies along `axis` of `shape`. */
function alongAxis(vector: Tensor, shape: Shape, axis: number): Tensor {
  return reshape(
    vector,
    shape.map((d, i) => (i === axis ? d : 1)),
  );
}

function findClassAxis(op: string, shape: Shape, target: Tensor, given: number | undefined): number {
  const rank = shape.length;
  if (rank === 0) throw new TensorError(op, "the input is a scalar, expected an axis of classes.");
  const second = Math.min(1, rank - 1);
  const usual = rank <= 3 ? [rank - 1, second] : [second, rank - 1];
  const candidates = given === undefined ? usual : [normalizeAxis(op, given, rank)];
  const same = sameShape(target.shape, shape);
  if (target.dtype === "f32") {
    if (same) return candidates[0]!;
  } else if (target.dtype !== "bool") {
    const found = candidates.find((axis) => sameShape(target.shape, shape.toSpliced(axis, 1)));
    if (found !== undefined) return found;
  }
  const fits = (s: Shape) => candidates.some((axis) => sameShape(s, shape.toSpliced(axis, 1)));
  let hint = "";
  if (fits(target.shape)) hint = ' Class indices are whole numbers: target.cast("i32")?';
  else if (same) hint = ' Probabilities are f32: target.cast("f32")?';
  else if (target.shape.at(-1) === 1 && fits(target.shape.slice(0, -1))) hint = " Use target.squeeze(-1)?";
  else if (sizeOf(target.shape) * shape.at(-1)! === sizeOf(shape))
    hint = ` Use input.reshape(-1, ${shape.at(-1)}) and target.reshape(-1)?`;
  const expected = candidates.map((axis) => formatShape(shape.toSpliced(axis, 1)));
  const indices = [...new Set(expected)].join(" or ");
  throw new TensorError(
    op,
    `the input has shape ${formatShape(shape)}, the targets are ${target.dtype} ${formatShape(target.shape)}; expected indices ${indices}, or probabilities ${formatShape(shape)}.${hint}`,
  );
}
