import { requireDType } from "../dtype.js";
import { TensorError } from "../errors.js";
import { handle, make, Node, specOf } from "../node.js";
import { formatShape, normalizeAxis, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { cast, expand, real, reshape, type TensorLike, toTensor, wide } from "./convert.js";
import { permute } from "./movement.js";

/**
 * Elements of x picked along `axis` by an i32 index of equal rank, as PyTorch's gather: out[i, j] = x[index[i, j], j] for
 * axis 0. An index out of range is an error when the step runs, and no parameter changes in that step.
 */
export function gather(x: TensorLike, axis: number, index: TensorLike): Tensor {
  const t = toTensor("gather", x);
  const at = toTensor("gather", index);
  const { shape, dtype } = specOf(t);
  const sizes = specOf(at).shape;
  requireDType("gather", "the index", specOf(at).dtype, "i32");
  const i = normalizeAxis("gather", axis, shape.length);
  if (sizes.length !== shape.length || sizes.some((d, k) => k !== i && d > shape[k]!)) {
    throw new TensorError(
      "gather",
      `an index ${formatShape(sizes)} does not address ${formatShape(shape)} along axis ${i}: equal rank, and no larger off the axis.`,
    );
  }
  // No kernel moves halves one by one.
  return cast(make("gather", [wide(t), at], { axis: i }, sizes, dtype === "f16" ? "f32" : dtype), dtype);
}

/** Zeros of `size` along `axis` with `source` added at `index` (both of one shape), f32 of halves; repeated indices add up. */
export function scatterAdd(index: Tensor, source: Tensor, axis: number, size: number): Tensor {
  const added = wide(source);
  const { shape, dtype } = specOf(added);
  const at = normalizeAxis("scatterAdd", axis, shape.length);
  requireDType("scatterAdd", "the index", specOf(index).dtype, "i32");
  return make(
    "scatterAdd",
    [expand(index, shape), added],
    { axis: at },
    shape.map((d, i) => (i === at ? size : d)),
    dtype,
  );
}

/** Whole entries of x along `axis` picked by an i32 index of any shape: embedding lookup for axis 0. Result: x's shape with that axis replaced by the index's. */
export function take(x: TensorLike, index: TensorLike, axis = 0): Tensor {
  const t = toTensor("take", x);
  const at = toTensor("take", index);
  const { shape } = specOf(t);
  const i = normalizeAxis("take", axis, shape.length);
  const ids = specOf(at).shape;
  const count = sizeOf(ids);
  const flat = reshape(
    at,
    shape.map((_, k) => (k === i ? count : 1)),
  );
  const picked = gather(
    t,
    i,
    expand(
      flat,
      shape.map((d, k) => (k === i ? count : d)),
    ),
  );
  return reshape(picked, [...shape.slice(0, i), ...ids, ...shape.slice(i + 1)]);
}

/** Options of sort. */
export interface SortOptions {
  /** Largest first (false). */
  descending?: boolean;
}

/** The elements along `axis` in order, and the i32 positions they came from; stable; NaN counts as largest. */
export function sort(
  x: TensorLike,
  axis = -1,
  { descending = false }: SortOptions = {},
): { values: Tensor; indices: Tensor } {
  const t = real("sort", x);
  const rank = specOf(t).shape.length;
  if (rank === 0) {
    const one = sort(reshape(t, [1]), 0, { descending });
    return { values: reshape(one.values, []), indices: reshape(one.indices, []) };
  }
  const at = normalizeAxis("sort", axis, rank);
  const order = Array.from({ length: rank }, (_, i) => i);
  order[at] = rank - 1;
  order[rank - 1] = at;
  const last = permute(t, order);
  const { shape } = specOf(last);
  const node = new Node("sort", [last], { descending }, shape, "f32", { shape, dtype: "i32" }) as Node;
  return { values: permute(handle(node, 0), order), indices: permute(handle(node, 1), order) };
}

/** x itself; when an element is NaN or infinite, the step that computes it commits nothing and its error names `what`. */
export function checkFinite(x: TensorLike, what = "value"): Tensor {
  const t = real("checkFinite", x);
  return make("checkFinite", [t], { what }, specOf(t).shape, "f32");
}

/**
 * `y` with a derivative of its own: `gradient(g, y)` gives those of `inputs` (undefined for none) from that of y. It has to be
 * what differentiating y would give, by a shorter way.
 */
export function customGradient(
  y: Tensor,
  inputs: readonly Tensor[],
  gradient: (g: Tensor, y: Tensor) => (Tensor | undefined)[],
): Tensor {
  const { shape, dtype } = specOf(y);
  return make("customGradient", [y, ...inputs], { gradient }, shape, dtype);
}
