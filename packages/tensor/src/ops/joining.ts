import { TensorError } from "../errors.js";
import { leaf, specOf } from "../node.js";
import { formatShape, normalizeAxes, normalizeAxis, sizeOf } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { expand, reshape, type TensorLike, toTensor } from "./convert.js";
import { take } from "./gather.js";
import { concat, type Range, slice, unsqueeze } from "./movement.js";

/** Ranges that cut axis `at` from `from` to `to` and keep the others. */
function cut(x: Tensor, at: number, from: number, to: number): Tensor {
  return slice(x, ...specOf(x).shape.map((_, i): Range => (i === at ? [from, to] : null)));
}

/** Tensors of one shape joined along a new axis. */
export function stack(tensors: readonly TensorLike[], axis = 0): Tensor {
  if (tensors.length === 0) throw new TensorError("stack", "needs at least one tensor, got none.");
  const list = tensors.map((x) => toTensor("stack", x));
  const first = specOf(list[0]!).shape;
  list.forEach((t, k) => {
    const { shape } = specOf(t);
    if (formatShape(shape) !== formatShape(first)) {
      throw new TensorError(
        "stack",
        `tensor ${k} has shape ${formatShape(shape)}, the first has ${formatShape(first)}. Pad them to one shape?`,
      );
    }
  });
  const at = normalizeAxis("stack", axis, first.length + 1);
  return concat(
    list.map((t) => unsqueeze(t, at)),
    at,
  );
}

/** x cut along `axis` into pieces of `size` (the last may be smaller), or of the listed sizes. */
export function split(x: TensorLike, size: number | readonly number[], axis = 0): Tensor[] {
  const t = toTensor("split", x);
  const { shape } = specOf(t);
  const at = normalizeAxis("split", axis, shape.length);
  const total = shape[at];
  if (total === undefined) throw new TensorError("split", "a scalar has no axis to split.");
  const sizes = typeof size === "number" ? evenSizes(total, size) : size;
  if (sizes.reduce((a, b) => a + b, 0) !== total || sizes.some((s) => !Number.isInteger(s) || s < 0)) {
    throw new TensorError(
      "split",
      `sizes ${formatShape(sizes)} do not add up to the ${total} elements of axis ${axis} of ${formatShape(shape)}.`,
    );
  }
  let end = 0;
  return sizes.map((s) => {
    end += s;
    return cut(t, at, end - s, end);
  });
}

function evenSizes(total: number, size: number): number[] {
  if (!Number.isInteger(size) || size < 1)
    throw new TensorError("split", `size ${size}: expected a whole number of at least 1.`);
  return Array.from({ length: Math.max(1, Math.ceil(total / size)) }, (_, i) => Math.min(size, total - i * size));
}

/** x cut along `axis` into `count` pieces of equal size; the last is smaller, or pieces are missing, when it does not divide. */
export function chunk(x: TensorLike, count: number, axis = 0): Tensor[] {
  const t = toTensor("chunk", x);
  const { shape } = specOf(t);
  const total = shape[normalizeAxis("chunk", axis, shape.length)] ?? 1;
  if (!Number.isInteger(count) || count < 1)
    throw new TensorError("chunk", `count ${count}: expected a whole number of at least 1.`);
  return split(t, total === 0 ? new Array<number>(count).fill(0) : Math.ceil(total / count), axis);
}

/** The entries of x along `axis`, without that axis. */
export function unbind(x: TensorLike, axis = 0): Tensor[] {
  const t = toTensor("unbind", x);
  const { shape } = specOf(t);
  const at = normalizeAxis("unbind", axis, shape.length);
  const others = shape.filter((_, i) => i !== at);
  return Array.from({ length: shape[at] ?? 0 }, (_, i) => reshape(cut(t, at, i, i + 1), others));
}

/** x laid side by side `counts[i]` times along axis i, counted from the last axis; longer lists add leading axes (PyTorch's repeat and tile). */
export function repeat(x: TensorLike, counts: readonly number[]): Tensor {
  const t = toTensor("repeat", x);
  const rank = Math.max(counts.length, specOf(t).shape.length);
  const shape = [...new Array<number>(rank - specOf(t).shape.length).fill(1), ...specOf(t).shape];
  const times = [...new Array<number>(rank - counts.length).fill(1), ...counts];
  if (times.some((n) => !Number.isInteger(n) || n < 0))
    throw new TensorError("repeat", `counts ${formatShape(counts)}: expected whole numbers of at least 0.`);
  const spread = expand(
    reshape(
      t,
      shape.flatMap((d) => [1, d]),
    ),
    shape.flatMap((d, i) => [times[i]!, d]),
  );
  return reshape(
    spread,
    shape.map((d, i) => d * times[i]!),
  );
}

/** Every entry along `axis` repeated in place: `count` times, or as often as the list says for each entry. */
export function repeatInterleave(x: TensorLike, count: number | readonly number[], axis: number): Tensor {
  const t = toTensor("repeatInterleave", x);
  const { shape } = specOf(t);
  const at = normalizeAxis("repeatInterleave", axis, shape.length);
  const counts = typeof count === "number" ? [count] : count;
  if (counts.some((n) => !Number.isInteger(n) || n < 0) || (typeof count !== "number" && count.length !== shape[at])) {
    throw new TensorError(
      "repeatInterleave",
      `counts ${formatShape(counts)} for axis ${axis} of ${formatShape(shape)}: expected one whole number of at least 0 an entry.`,
    );
  }
  if (typeof count !== "number") {
    const rows = Int32Array.from(counts.flatMap((n, i) => new Array<number>(n).fill(i)));
    return take(t, leaf(rows, [rows.length], "i32"), at);
  }
  const spread = expand(unsqueeze(t, at + 1), [...shape.slice(0, at + 1), count, ...shape.slice(at + 1)]);
  return reshape(
    spread,
    shape.map((d, i) => (i === at ? d * count : d)),
  );
}

/** x with entries moved `shifts` places forward along `axes`, those that fall off coming in at the front; without axes, of the flattened x. */
export function roll(x: TensorLike, shifts: number | readonly number[], axes?: number | readonly number[]): Tensor {
  const t = toTensor("roll", x);
  const { shape } = specOf(t);
  const by = typeof shifts === "number" ? [shifts] : shifts;
  if (axes === undefined) {
    if (by.length !== 1) throw new TensorError("roll", `${by.length} shifts without axes: name one axis for each.`);
    return reshape(roll(reshape(t, [sizeOf(shape)]), by, 0), shape);
  }
  const list = typeof axes === "number" ? [axes] : axes;
  normalizeAxes("roll", list, shape.length);
  if (list.length !== by.length)
    throw new TensorError("roll", `${by.length} shifts for ${list.length} axes: give one for each.`);
  return list.reduce((rolled: Tensor, axis, k) => {
    const at = normalizeAxis("roll", axis, shape.length);
    const size = shape[at] ?? 1;
    const first = size === 0 ? 0 : ((-by[k]! % size) + size) % size;
    return first === 0 ? rolled : concat([cut(rolled, at, first, size), cut(rolled, at, 0, first)], at);
  }, t);
}

/** Options of meshgrid. */
export interface MeshgridOptions {
  /** "ij": axis k belongs to vector k; "xy": the first two axes are exchanged, as in images ("ij"). */
  indexing?: "ij" | "xy";
}

/** Vectors (or scalars) spread over a common grid: one tensor of the grid's shape for each. */
export function meshgrid(vectors: readonly TensorLike[], { indexing = "ij" }: MeshgridOptions = {}): Tensor[] {
  const list = vectors.map((v) => reshape(toTensor("meshgrid", v), [-1]));
  vectors.forEach((v, k) => {
    const { shape } = specOf(toTensor("meshgrid", v));
    if (shape.length > 1)
      throw new TensorError("meshgrid", `tensor ${k} has shape ${formatShape(shape)}, expected a vector.`);
  });
  const axisOf = list.map((_, k) => (indexing === "xy" && k < 2 && list.length > 1 ? 1 - k : k));
  const grid = new Array<number>(list.length);
  list.forEach((v, k) => {
    grid[axisOf[k]!] = specOf(v).shape[0]!;
  });
  return list.map((v, k) =>
    expand(
      reshape(
        v,
        grid.map((_, i) => (i === axisOf[k] ? -1 : 1)),
      ),
      grid,
    ),
  );
}
