import type { DType } from "../dtype.js";
import { requireDType } from "../dtype.js";
import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { broadcastShapes, formatShape, normalizeAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast, detach, expand, type TensorLike, toTensor } from "./convert.js";
import { eq, where } from "./elementwise.js";
import { gather, take } from "./gather.js";
import { iota } from "./generate.js";
import { unsqueeze } from "./movement.js";

/** Options of oneHot. */
export interface OneHotOptions {
  /** "i32" as PyTorch; products with f32 promote. */
  dtype?: DType;
}

/** 1 at each class of index x (whole numbers, any shape) on a new last axis of `classes`, 0 elsewhere; classes out of range give zeros. */
export function oneHot(x: TensorLike, classes: number, { dtype = "i32" }: OneHotOptions = {}): Tensor {
  const t = toTensor("oneHot", x);
  requireDType("oneHot", "the index", specOf(t).dtype, "i32", "u8", "bool");
  return cast(eq(unsqueeze(t, specOf(t).shape.length), iota(classes)), dtype);
}

/** Whole entries of x along `axis` picked by a vector of i32 positions; their gradients add up where one is picked twice. */
export function indexSelect(x: TensorLike, axis: number, index: TensorLike): Tensor {
  const at = toTensor("indexSelect", index);
  const { shape } = specOf(at);
  if (shape.length > 1)
    throw new TensorError("indexSelect", `the index has shape ${formatShape(shape)}, expected a vector. Use take()?`);
  return take(x, shape.length === 0 ? unsqueeze(at, 0) : at, axis);
}

/** x with `value` (a number, or a tensor that broadcasts) where `mask` is true. */
export const maskedFill = (x: TensorLike, mask: TensorLike, value: TensorLike): Tensor => where(mask, value, x);

/** Elements of x picked along `axis` by an i32 index of equal rank that broadcasts with x off the axis, as NumPy's take_along_axis. */
export function takeAlongAxis(x: TensorLike, index: TensorLike, axis: number): Tensor {
  const t = toTensor("takeAlongAxis", x);
  const at = toTensor("takeAlongAxis", index);
  const sizes = specOf(t).shape;
  const picks = specOf(at).shape;
  const i = normalizeAxis("takeAlongAxis", axis, sizes.length);
  if (picks.length !== sizes.length) {
    throw new TensorError(
      "takeAlongAxis",
      `an index ${formatShape(picks)} and ${formatShape(sizes)} differ in rank. Add axes with unsqueeze()?`,
    );
  }
  const common = broadcastShapes(
    "takeAlongAxis",
    sizes.map((d, k) => (k === i ? 1 : d)),
    picks.map((d, k) => (k === i ? 1 : d)),
  );
  const along = (size: number) => common.map((d, k) => (k === i ? size : d));
  return gather(expand(t, along(sizes[i]!)), i, expand(at, along(picks[i]!)));
}

/** Options of embedding. */
export interface EmbeddingOptions {
  /** The row that gets no gradient. */
  paddingIndex?: number;
}

/** Rows of `weight` [rows, width] picked by an i32 index of any shape -> [...index, width]. */
export function embedding(index: TensorLike, weight: TensorLike, { paddingIndex }: EmbeddingOptions = {}): Tensor {
  const at = toTensor("embedding", index);
  const { shape } = specOf(toTensor("embedding", weight));
  if (shape.length !== 2)
    throw new TensorError("embedding", `the weight has shape ${formatShape(shape)}, expected [rows, width].`);
  const picked = take(weight, at);
  if (paddingIndex === undefined) return picked;
  const row = paddingIndex < 0 ? paddingIndex + shape[0]! : paddingIndex;
  if (!Number.isInteger(row) || row < 0 || row >= shape[0]!) {
    throw new TensorError("embedding", `paddingIndex ${paddingIndex} is no row of a weight ${formatShape(shape)}.`);
  }
  return where(unsqueeze(eq(at, row), specOf(at).shape.length), detach(picked), picked);
}
