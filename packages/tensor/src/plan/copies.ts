import type { DType } from "../dtype.js";
import type { Spec } from "../node.js";
import { sizeOf } from "../shape.js";
import type { Drafts } from "./draft.js";
import { type Expressions, instruction, type Place, type Stored, type Window } from "./expression.js";
import { denseStrides, type Order, orderOf, rowMajor } from "./layout.js";
import { identityMap } from "./view.js";

/** A value that nobody has made yet, in dense memory whose dimensions lie in `order`. */
export function newStored({ shape, dtype }: Spec, order: Order, place: Place): Stored {
  const home = { shape, strides: denseStrides(shape, order), offset: 0 };
  const kept = place.kind !== "scratch";
  return {
    place,
    dtype,
    elements: sizeOf(shape),
    home,
    producer: -1,
    first: -1,
    expression: undefined,
    read: kept,
    commits: false,
  };
}

/** The copies that a plan makes because kernels want operands in another order, or as f32 and not as halves; each is made once. */
export class Copies {
  private readonly drafts: Drafts;
  private readonly expressions: Expressions;
  private readonly contractsHalves: boolean;
  private readonly made = new Map<Stored, Map<string, Window>>();

  constructor(drafts: Drafts, expressions: Expressions, contractsHalves: boolean) {
    this.drafts = drafts;
    this.expressions = expressions;
    this.contractsHalves = contractsHalves;
  }

  /** The same elements in dense memory, row-major or in `order`; asking twice gives the same copy. */
  copied(from: Window, order: Order = rowMajor(from.shape.length), dtype: DType = from.stored.dtype): Window {
    const { shape } = from;
    const look = `${shape}|${from.strides}|${from.offset}|${order}|${dtype}`;
    const known = this.made.get(from.stored)?.get(look);
    if (known) return known;
    const stored = newStored({ shape, dtype }, order, { kind: "scratch" });
    stored.read = true;
    this.drafts.map(shape, this.load(from), { ...stored.home, stored }, order, false);
    const window = { ...stored.home, stored };
    this.made.set(from.stored, (this.made.get(from.stored) ?? new Map<string, Window>()).set(look, window));
    return window;
  }

  /** A window that the backend's contractions read: on f32 where it is on halves and they read none. */
  readable(from: Window): Window {
    const { stored, shape, strides } = from;
    if (stored.dtype !== "f16" || this.contractsHalves) return from;
    const seen = sizeOf(shape.filter((_, i) => strides[i] !== 0));
    // Of a small part of a large value only that part; else all of it, and looked at in the same way.
    if (seen < stored.elements) return this.copied(from, orderOf(shape, strides), "f32");
    const { home } = stored;
    const wide = this.copied({ ...home, stored }, orderOf(home.shape, home.strides), "f32");
    return { ...from, stored: wide.stored };
  }

  /** Where a contraction writes its result `to`: there, or to f32 memory that `round` reads. */
  writable(to: Window): Window {
    const { shape, strides } = to;
    if (to.stored.dtype !== "f16" || this.contractsHalves) return to;
    const stored = newStored({ shape, dtype: "f32" }, orderOf(shape, strides), { kind: "scratch" });
    return { ...stored.home, stored };
  }

  /** Rounds what a contraction wrote as f32 to halves. */
  round(from: Window, to: Window): void {
    to.stored.expression = instruction("toHalf", this.load(from), "f32");
    this.drafts.map(from.shape, to.stored.expression, to, orderOf(from.shape, from.strides), false);
  }

  private load(from: Window) {
    const { shape } = from;
    return this.expressions.load(from, identityMap(shape.length), shape.join(), shape.length);
  }
}
