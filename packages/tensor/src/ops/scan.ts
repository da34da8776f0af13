import { specOf } from "../node.js";
import { normalizeAxis } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { numeric, reshape, type TensorLike, toTensor } from "./convert.js";
import { add, lt, mul, where } from "./elementwise.js";
import { iota } from "./generate.js";
import { padRaw, type Range, slice, transpose, unsqueeze } from "./movement.js";
import { sum } from "./reduce.js";

/** Rows up to this length are summed up in one kernel that reads every element as often. */
const block = 32;

/** The sums of the elements up to each, along `axis`. */
export function cumsum(x: TensorLike, axis: number): Tensor {
  const t = numeric(toTensor("cumsum", x));
  const rank = specOf(t).shape.length;
  const at = normalizeAxis("cumsum", axis, rank);
  return rank === 0 ? t : transpose(sumsBefore(transpose(t, at, -1), 1), at, -1);
}

/** Sums along the last axis of the elements less than `reach` places behind each: 1 includes the element itself, 0 does not. */
function sumsBefore(x: Tensor, reach: 0 | 1): Tensor {
  const { shape } = specOf(x);
  const outer = shape.slice(0, -1);
  const size = shape.at(-1)!;
  if (size <= block) {
    const earlier = lt(iota(size), add(reshape(iota(size), [size, 1]), reach));
    return sum(where(earlier, unsqueeze(x, -2), 0), -1);
  }
  // Sums inside each block, plus those of the blocks before it.
  const blocks = Math.ceil(size / block);
  const none = shape.map(() => 0);
  const padded = padRaw(x, none, [...outer.map(() => 0), blocks * block - size]);
  const rows = reshape(padded, [...outer, blocks, block]);
  const sums = add(sumsBefore(rows, reach), unsqueeze(sumsBefore(sum(rows, -1), 0), -1));
  return slice(reshape(sums, [...outer, blocks * block]), ...outer.map((): Range => null), [0, size]);
}

/**
 * The products of the elements up to each, along `axis`, in log2(n) steps (Hillis and Steele, "Data parallel algorithms", 1986);
 * the gradient is right where elements are 0.
 */
export function cumprod(x: TensorLike, axis: number): Tensor {
  let t = numeric(toTensor("cumprod", x));
  const { shape } = specOf(t);
  const at = normalizeAxis("cumprod", axis, shape.length);
  const size = shape[at] ?? 1;
  for (let by = 1; by < size; by *= 2) {
    const head = slice(t, ...shape.map((_, i): Range => (i === at ? [0, size - by] : null)));
    t = mul(
      t,
      padRaw(
        head,
        shape.map((_, i) => (i === at ? by : 0)),
        shape.map(() => 0),
        { value: 1 },
      ),
    );
  }
  return t;
}
