import type { ContractGroup, ContractOp, Operand } from "../../../backend.js";
import { byteSize } from "../../../dtype.js";
import type { Kernel } from "../kernel.js";

/** What a group's kernels may ask for and know about the device. */
export interface Context {
  /** A processor that plays a GPU: no barriers, few invocations. */
  readonly software: boolean;
  /** Lanes of a subgroup may add up among themselves. */
  readonly subgroups: boolean;
  /** The byte offset of so many words of workspace, for this group alone. */
  workspace(words: number): number;
}

/** Writes the kernels of one kind of contraction; `group` is its number in the plan. */
export type ContractRule<O extends ContractOp> = (
  contract: ContractGroup<O>,
  context: Context,
  group: number,
) => Kernel[];

/** Invocations that keep a device busy: below, work is split over sums too. */
export function busyInvocations({ software }: Context): number {
  return software ? 64 : 16384;
}

/** True when vectors of four along dim `along` of an operand start at multiples of four elements. */
export function isVectorOperand({ shape, strides, offset, dtype }: Operand, along: number): boolean {
  if (byteSize[dtype] < 2) return false;
  return (
    offset % 4 === 0 &&
    strides.every((s, d) => (d === along ? s === 1 && shape[d]! % 4 === 0 : shape[d] === 1 || s % 4 === 0))
  );
}
