import { TensorError } from "../errors.js";
import { specOf } from "../node.js";
import { formatShape, normalizeAxis, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { matmul } from "./contract.js";
import { cast, real, reshape, type TensorLike, toTensor } from "./convert.js";
import { add, div, maximum, mul, sub } from "./elementwise.js";
import { transpose, unsqueeze } from "./movement.js";
import { sum } from "./reduce.js";
import { norm } from "./statistics.js";

/** x [..., in] times the transposed weight [out, in], plus bias [out] (or [1] or []) -> [..., out]. */
export function linear(x: TensorLike, weight: TensorLike, bias?: TensorLike): Tensor {
  const t = toTensor("linear", x);
  const w = toTensor("linear", weight);
  const [xs, ws] = [specOf(t).shape, specOf(w).shape];
  if (ws.length !== 2 || xs.length === 0 || xs.at(-1) !== ws[1]) {
    throw new TensorError(
      "linear",
      `an input ${formatShape(xs)} and a weight ${formatShape(ws)}: expected [..., in] and [out, in].`,
    );
  }
  // In two dimensions from the product to the bias: so neither the bias nor its gradient goes over more axes than it has to.
  const product = matmul(reshape(t, [sizeOf(xs.slice(0, -1)), ws[1]!]), transpose(w));
  const y = bias === undefined ? product : add(product, cast(bias, specOf(product).dtype));
  return reshape(y, [...xs.slice(0, -1), ws[0]!]);
}

/** Options of cosineSimilarity. */
export interface CosineSimilarityOptions {
  /** The axis of the vectors (1). */
  axis?: number;
  /** The least length a vector is divided by (1e-8). */
  epsilon?: number;
}

/** The cosine of the angle between the vectors of a and b (broadcast) along an axis. */
export function cosineSimilarity(
  a: TensorLike,
  b: TensorLike,
  { axis = 1, epsilon = 1e-8 }: CosineSimilarityOptions = {},
): Tensor {
  const x = real("cosineSimilarity", a);
  const y = real("cosineSimilarity", b);
  const rank = Math.max(specOf(x).shape.length, specOf(y).shape.length);
  const at = normalizeAxis("cosineSimilarity", axis, rank) - rank;
  const length = (t: Tensor) => maximum(norm(t, at, { keepDims: true }), epsilon);
  return sum(mul(div(x, length(x)), div(y, length(y))), at);
}

/** Options of cdist. */
export interface CdistOptions {
  /** The exponent of the norm (2). */
  p?: number;
}

/** The distances between all rows of a [..., P, M] and b [..., R, M] -> [..., P, R]. */
export function cdist(a: TensorLike, b: TensorLike, { p = 2 }: CdistOptions = {}): Tensor {
  const x = real("cdist", a);
  const y = real("cdist", b);
  const [xs, ys] = [specOf(x).shape, specOf(y).shape];
  if (xs.length < 2 || ys.length < 2 || xs.at(-1) !== ys.at(-1)) {
    throw new TensorError(
      "cdist",
      `rows of ${formatShape(xs)} and ${formatShape(ys)}: expected [..., P, M] and [..., R, M].`,
    );
  }
  return norm(sub(unsqueeze(x, xs.length - 1), unsqueeze(y, ys.length - 2)), -1, { p });
}
