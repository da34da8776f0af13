import type { ConvParams, Operand } from "../../backend.js";

/*
 * Where convolutions read: taps along both axes, and the words that tell the kernels (kernels/conv.h).
 */

const pixelRange = (count: number) => Array.from({ length: count }, (_, i) => i);

/** The words of an image operand; a channel stride that no channel uses is 1. */
export function imageWords({ slot, offset, shape, strides }: Operand): number[] {
  const [n, c, h, w] = strides as [number, number, number, number];
  return [slot, offset, n, h, w, shape[1] === 1 ? 1 : c];
}

/** Along one axis: where taps read, for the target positions start, start + step, ... */
export interface AxisTaps {
  /** Distance in the source from one target position to the next. */
  step: number;
  /** Source offset of each tap, ascending, and which kernel element it is. */
  offsets: number[];
  kernel: number[];
  start: number;
  targetStep: number;
  count: number;
}

/** A forward convolution along an axis: one entry. */
export function forwardAxis(p: ConvParams, axis: 0 | 1, kernel: number, outputs: number): AxisTaps[] {
  const offsets = pixelRange(kernel).map((k) => k * p.dilation[axis] - p.padding[axis]);
  return [{ step: p.stride[axis], offsets, kernel: pixelRange(kernel), start: 0, targetStep: 1, count: outputs }];
}

/** One entry for each residue of the input position modulo the stride: only some taps reach it. */
export function backwardAxis(p: ConvParams, axis: 0 | 1, kernel: number, inputs: number): AxisTaps[] {
  const stride = p.stride[axis];
  return pixelRange(Math.min(stride, inputs)).map((start) => {
    const reach = (k: number) => start + p.padding[axis] - k * p.dilation[axis];
    const taps = pixelRange(kernel)
      .filter((k) => reach(k) % stride === 0)
      .reverse();
    return {
      step: 1,
      offsets: taps.map((k) => reach(k) / stride),
      kernel: taps,
      start,
      targetStep: stride,
      count: Math.ceil((inputs - start) / stride),
    };
  });
}

/** Target positions that the same taps reach. */
export interface Part {
  rows: AxisTaps;
  columns: AxisTaps;
}

/** The size of parts when `size` is cut into the fewest of at most `largest`: all of it, or a multiple of `unit`. */
export function evenPart(size: number, largest: number, unit: number): number {
  if (size <= largest) return size;
  return Math.min(size, Math.ceil(Math.ceil(size / Math.ceil(size / largest)) / unit) * unit);
}

/** The words of a part's taps. */
export function tapWords({ rows, columns }: Part): number[] {
  return [rows.step, columns.step, rows.offsets.length, columns.offsets.length, ...rows.offsets, ...columns.offsets];
}

/** Where the weights of a part's taps lie. */
export function weightOffsets({ rows, columns }: Part, strides: readonly number[]): number[] {
  return rows.kernel.flatMap((r) => columns.kernel.map((c) => r * strides[2]! + c * strides[3]!));
}
