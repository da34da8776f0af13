import { TensorError } from "../errors.js";
import { add } from "../ops/elementwise.js";
import { flatten } from "../ops/movement.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { type AnyModule, type InputOf, Module, type OutputOf } from "./module.js";

type FirstInput<L extends readonly AnyModule[]> = L extends readonly [infer A, ...unknown[]]
  ? InputOf<A>
  : InputOf<L[number]>;

type LastOutput<L extends readonly AnyModule[]> = L extends readonly [...unknown[], infer Z]
  ? OutputOf<Z>
  : OutputOf<L[number]>;

/** `L` when each layer takes what the one before it gives; otherwise the layer that does not fit is asked to take it. */
type Chain<L extends readonly AnyModule[]> = L extends readonly [
  infer A extends AnyModule,
  infer B extends AnyModule,
  ...infer R extends AnyModule[],
]
  ? OutputOf<A> extends InputOf<B>
    ? readonly [A, ...Chain<readonly [B, ...R]>]
    : readonly [A, Module<OutputOf<A>, unknown>, ...R]
  : L;

/**
 * Layers one after another; their names are bare indices (`0.weight`). The types of neighbours are checked: a layer that does
 * not take what the one before it gives does not compile.
 */
export class Sequential<const L extends readonly AnyModule[]>
  extends Module<FirstInput<L>, LastOutput<L>>
  implements Iterable<L[number]>
{
  readonly layers: L;

  constructor(...layers: L & Chain<L>) {
    super();
    this.layers = layers;
  }

  forward(input: FirstInput<L>): LastOutput<L> {
    let value: unknown = input;
    for (const layer of this.layers) value = layer.call(value as never);
    return value as LastOutput<L>;
  }

  /** Number of layers. */
  get length(): number {
    return this.layers.length;
  }

  /** Layer `index`; negative ones count from the end. Throws when there is none. */
  at(index: number): L[number] {
    const layer = this.layers.at(index);
    if (!layer) throw new TensorError("Sequential", `has ${this.length} layers, there is no layer ${index}.`);
    return layer;
  }

  [Symbol.iterator](): Iterator<L[number]> {
    return this.layers[Symbol.iterator]();
  }

  protected override walkFields(): Iterable<readonly [string, unknown]> {
    return this.layers.map((layer, i) => [String(i), layer] as const);
  }
}

/** Axes `start` to `end` (all but the batch by default) merged into one. */
export class Flatten extends Module<Tensor, Tensor> {
  readonly start: number;
  readonly end: number;

  constructor(start = 1, end = -1) {
    super();
    this.start = start;
    this.end = end;
  }

  forward(input: Tensor): Tensor {
    return flatten(input, this.start, this.end);
  }

  protected override describe(): string {
    return `start=${this.start}, end=${this.end}`;
  }
}

/** The input itself: stands where a layer is left out. */
export class Identity<T = Tensor> extends Module<T, T> {
  forward(input: T): T {
    return input;
  }
}

/** A function as a layer: `new Lambda((x: Tensor) => x.mul(2))`. Parameters that it uses are not found; write a Module for those. */
export class Lambda<I, O> extends Module<I, O> {
  readonly fn: (input: I) => O;

  constructor(fn: (input: I) => O) {
    super();
    this.fn = fn;
  }

  forward(input: I): O {
    return this.fn(input);
  }

  protected override describe(): string {
    return this.fn.name;
  }
}

/** shortcut(x) + body(x): a residual connection (He et al., 2015); the shortcut is the identity unless given. */
export class Residual extends Module<Tensor, Tensor> {
  readonly body: Module<Tensor, Tensor>;
  readonly shortcut: Module<Tensor, Tensor>;

  constructor(body: Module<Tensor, Tensor>, shortcut: Module<Tensor, Tensor> = new Identity()) {
    super();
    this.body = body;
    this.shortcut = shortcut;
  }

  forward(input: Tensor): Tensor {
    const kept = this.shortcut.call(input);
    const made = this.body.call(input);
    if (!sameShape(kept.shape, made.shape)) {
      throw new TensorError(
        "Residual",
        `the shortcut gives ${formatShape(kept.shape)}, the body ${formatShape(made.shape)}. Give a shortcut that changes the shape as the body does?`,
      );
    }
    return add(kept, made);
  }
}
