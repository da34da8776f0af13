import type { Operand, Slot } from "../../../backend.js";
import { byteSize, type DType } from "../../../dtype.js";
import type { Place } from "../kernel.js";

/** Windows start at multiples of so many bytes, as allocations do. */
const windowAlignment = 64;

/** What `reach` looks at: a strided window on a slot. */
export interface Strided {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** The bytes of its slot, from and to, that an operand touches: both multiples of 64. */
export function reach({ dtype, shape, strides, offset }: Strided): { from: number; to: number } {
  let [low, high] = [offset, offset];
  for (const [d, n] of shape.entries()) {
    if (n === 0) return { from: 0, to: 0 };
    const far = (n - 1) * strides[d]!;
    if (far < 0) low += far;
    else high += far;
  }
  const size = byteSize[dtype];
  const line = (bytes: number) => Math.floor(bytes / windowAlignment) * windowAlignment;
  return { from: line(low * size), to: line((high + 1) * size + windowAlignment - 1) };
}

/**
 * The slots of a plan, and behind them windows on slots or on the workspace: numbers that groups use in the place of slots,
 * so that parts of a large tensor are read by the same kernel at another base.
 */
export class Windows {
  /** What the numbers mean to the writers of kernels; `bytes` of a window is what lies between its start and its slot's end. */
  readonly slots: Slot[];
  readonly #real: number;
  readonly #places: { place: Place; bytes: number }[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(slots: readonly Slot[]) {
    this.slots = [...slots];
    this.#real = slots.length;
  }

  /** The number of the window on a slot that starts `start` bytes in; it covers at least up to `end`. */
  on(slot: number, start: number, end: number): number {
    const { bytes, kind, index, offset } = this.slots[slot]!;
    const place = this.placeOf(slot);
    const moved: Place = { ...place, start: (place.start ?? 0) + start };
    return this.#number(`${slot} ${start}`, moved, end - start, { kind, index, offset, bytes: bytes - start });
  }

  /** The number of a slot that is `bytes` of the workspace, `at` bytes from its start. */
  workspace(at: number, bytes: number): number {
    return this.#number(`w${at} ${bytes}`, { workspace: at }, bytes, { kind: "scratch", bytes, offset: 0, index: -1 });
  }

  /** The operand on a window of its own. */
  narrowed<O extends Operand>(operand: O): O {
    const { from, to } = reach(operand);
    const slot = this.on(operand.slot, from, to);
    return { ...operand, slot, offset: operand.offset - from / byteSize[operand.dtype] };
  }

  /** Where a number's memory is. */
  placeOf(slot: number): Place {
    const window = this.#places[slot - this.#real];
    return window ? { ...window.place, bytes: window.bytes } : { slot };
  }

  #number(key: string, place: Place, bytes: number, slot: Slot): number {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.slots.push(slot) - 1;
      this.#numbers.set(key, number);
      this.#places[number - this.#real] = { place, bytes: 0 };
    }
    const window = this.#places[number - this.#real]!;
    window.bytes = Math.max(window.bytes, bytes);
    return number;
  }
}
