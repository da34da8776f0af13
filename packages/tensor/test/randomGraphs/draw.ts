import type { DType } from "../../src/dtype.js";
import type { Node } from "../../src/node.js";
import { Generator } from "../../src/random.js";
import { type Shape, sizeOf } from "../../src/shape.js";
import type { Tensor } from "../../src/tensor.js";
import { evaluateAll, type Numbers } from "../reference.js";
import type { FunctionName } from "./functions.js";
import { type Argument, call, type Program, type Ref, type Step } from "./program.js";

/** A tensor of the program under construction, with its elements by the reference. */
export interface Variable extends Ref {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: Numbers;
}

const limits = { elements: 600, leafElements: 3000, smallest: 0.03, largest: 6 };

/** A program under construction: draws random choices, adds steps, and knows the value of every step. */
export class Draw {
  readonly seed: number;
  readonly variables: Variable[] = [];
  /** f32 leaves, which gradients may be asked for. */
  readonly leaves: Variable[] = [];
  readonly steps: Step[] = [];
  private readonly results: (Tensor | readonly Tensor[])[] = [];
  private readonly known = new Map<Node, Numbers>();
  private readonly generator: Generator;

  constructor(seed: number) {
    this.seed = seed;
    this.generator = new Generator(seed, 9);
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + this.generator.below(high - low + 1);
  }
  chance(p: number): boolean {
    return this.generator.uniform() < p;
  }
  choose<T>(list: readonly T[]): T {
    return list[this.generator.below(list.length)]!;
  }
  /** Some of the list, in order, at least `least`. */
  subset<T>(list: readonly T[], least = 1): T[] {
    const kept = list.filter(() => this.chance(0.5));
    if (kept.length >= least) return kept;
    return list.slice(0, least);
  }
  order(n: number): number[] {
    return [...this.generator.permutation(n)];
  }
  /** A size of an axis: often 1, now and then 0, or above a vector's width. */
  size(): number {
    if (this.chance(0.05)) return this.choose([9, 16, 17, 33]);
    return this.chance(0.03) ? 0 : this.choose([1, 1, 2, 2, 3, 3, 4, 5, 7]);
  }
  shape(rank = this.choose([0, 1, 1, 2, 2, 2, 3, 3, 4])): number[] {
    const sizes = Array.from({ length: rank }, () => this.size());
    return sizeOf(sizes) <= limits.elements ? sizes : sizes.map((d) => Math.min(d, 3));
  }

  /** A variable that fits, the later the likelier; undefined when there is none. */
  pick(fits: (v: Variable) => boolean = (v) => v.dtype === "f32"): Variable | undefined {
    const list = this.variables.filter(fits);
    if (list.length === 0) return undefined;
    return list[list.length - 1 - Math.floor(list.length * this.generator.uniform() ** 2)];
  }

  /** A new f32 leaf from -1 to 1. */
  leaf(shape: Shape, low = -1, high = 1): Variable {
    for (;;) {
      const made = this.add("leaf", shape, this.whole(0, 1e6), low, high);
      if (!made) continue; // its few elements happen to be too small
      this.leaves.push(made);
      return made;
    }
  }

  /** Adds a step; undefined, and no step, when its values are too many, too small, too large, or not finite. */
  add(name: FunctionName, ...args: Argument[]): Variable | undefined {
    return this.addAll(name, args)?.[0];
  }

  /** The same for functions with several results, of which every one becomes a variable. */
  addAll(name: FunctionName, args: readonly Argument[], largest = limits.largest): Variable[] | undefined {
    const step: Step = { call: name, args: args.map(plain) };
    const result = call(step, this.results);
    const tensors = Array.isArray(result) ? (result as readonly Tensor[]) : [result as Tensor];
    const most = name.endsWith("eaf") ? limits.leafElements : limits.elements;
    if (tensors.some((t) => sizeOf(t.shape) > most)) return undefined;
    const found = evaluateAll(tensors, { override: this.known });
    if (found.some((y) => y.dtype === "f32" && !wellScaled(y.data, largest))) return undefined;
    const list = this.push(step, result);
    if (!Array.isArray(result)) return [this.variable(list, tensors[0]!, found[0]!.data)];
    return tensors.map((t, i) => {
      const at: Step = { call: "at", args: [{ ref: list }, i] };
      return this.variable(this.push(at, t), t, found[i]!.data);
    });
  }

  private push(step: Step, result: Tensor | readonly Tensor[]): number {
    this.results.push(result);
    return this.steps.push(step) - 1;
  }

  private variable(ref: number, { shape, dtype, node }: Tensor, data: Numbers): Variable {
    if (node.outputs.length === 1) this.known.set(node, data);
    const made = { ref, shape, dtype, data };
    this.variables.push(made);
    return made;
  }

  program(roots: readonly Ref[]): Program {
    return { seed: this.seed, steps: this.steps, roots: roots.map(({ ref }) => ref) };
  }
}

/** True when the largest element is of ordinary size, so that rounding is small next to it; all zeros are well too. */
function wellScaled(data: Numbers, largest: number): boolean {
  let most = 0;
  for (const v of data) {
    if (Number.isNaN(v)) return false;
    most = Math.max(most, Math.abs(v));
  }
  return most === 0 || (most >= limits.smallest && most <= largest);
}

/** Variables as bare references, so that programs are plain data. */
function plain(a: Argument): Argument {
  if (a === null || typeof a !== "object") return a;
  if ("ref" in a) return { ref: a.ref as number };
  if (Array.isArray(a)) return a.map(plain);
  return Object.fromEntries(Object.entries(a).map(([key, inner]) => [key, plain(inner)]));
}
