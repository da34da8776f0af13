import type { Load, Slot } from "../../backend.js";
import { invariant } from "../../errors.js";
import { sizeOf } from "../../shape.js";
import { maxDims } from "./codes.js";

/** A strided window over a linear index: sizes and strides, outermost first, with as few dimensions as describe it. */
export interface View {
  sizes: number[];
  strides: number[];
}

/** Merges dimensions that step through memory as one; one dimension at least is left. */
export function collapse(dims: readonly number[], strides: readonly number[]): View {
  const view: View = { sizes: [], strides: [] };
  for (let d = 0; d < dims.length; d++) {
    const size = dims[d]!;
    if (size === 1) continue;
    const stride = strides[d]!;
    const last = view.sizes.length - 1;
    if (last >= 0 && view.strides[last] === stride * size) {
      view.sizes[last]! *= size;
      view.strides[last] = stride;
    } else {
      view.sizes.push(size);
      view.strides.push(stride);
    }
  }
  if (view.sizes.length === 0) return { sizes: [1], strides: [1] };
  invariant(
    view.sizes.length <= maxDims,
    `a tensor of more than ${maxDims} dimensions that are not next to each other`,
  );
  return view;
}

/** True when the whole index space is consecutive in memory. */
export function isContiguous(view: View): boolean {
  return view.sizes.length === 1 && view.strides[0] === 1;
}

/** True when every tile of `length` elements is consecutive in memory. */
export function isInRuns(view: View, length: number): boolean {
  return view.strides.at(-1) === 1 && (view.sizes.length === 1 || view.sizes.at(-1)! % length === 0);
}

/** The words of a view. */
export function viewWords(view: View): number[] {
  return [view.sizes.length, ...view.sizes, ...view.strides];
}

/** After so many elements the view repeats: 1 for a constant, undefined when it never does. */
export function periodOf(view: View): number | undefined {
  if (view.strides[0] !== 0) return undefined;
  return sizeOf(view.sizes.slice(1));
}

/** `values` in the order of `order`. */
export function permuted(values: readonly number[], order: readonly number[]): number[] {
  return order.map((d) => values[d]!);
}

/**
 * Dimensions larger than 1 in the order of memory, outermost first: by the first of `strideLists` in which both of a pair move.
 */
export function memoryOrder(dims: readonly number[], strideLists: readonly (readonly number[])[]): number[] {
  const order: number[] = [];
  for (let d = 0; d < dims.length; d++) {
    if (dims[d] === 1) continue;
    // Insertion keeps the given order of dimensions that no list can tell apart.
    let at = order.length;
    while (at > 0 && isInside(order[at - 1]!, d, strideLists)) at--;
    order.splice(at, 0, d);
  }
  return order;
}

/** True when dimension `a` belongs inside (after) dimension `b`. */
function isInside(a: number, b: number, strideLists: readonly (readonly number[])[]): boolean {
  for (const strides of strideLists) {
    const x = Math.abs(strides[a]!);
    const y = Math.abs(strides[b]!);
    if (x !== 0 && y !== 0 && x !== y) return x < y;
  }
  return false;
}

/** How many elements of memory a load touches. */
export function footprint(dims: readonly number[], load: Load): number {
  if (load.kind !== "memory") return 0;
  return dims.reduce((product, size, d) => (load.strides[d] === 0 ? product : product * size), 1);
}

/** True when two slots share memory: the same one, or scratch slots whose places overlap. */
export function sharesMemory(slots: readonly Slot[], a: number, b: number): boolean {
  if (a === b) return true;
  const x = slots[a]!;
  const y = slots[b]!;
  return x.kind === "scratch" && y.kind === "scratch" && x.offset < y.offset + y.bytes && y.offset < x.offset + x.bytes;
}
