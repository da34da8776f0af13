import { add, lt, maximum, mul, neg, sigmoid, sub, tanh, where } from "../ops/elementwise.js";
import { zeros } from "../ops/generate.js";
import type { Tensor } from "../tensor.js";

/** The function of a plain recurrent net. */
export type RecurrentNonlinearity = "tanh" | "relu";

/** What is carried from step to step: [hidden], or [hidden, cell], each [B, H]. */
export type Carried = readonly Tensor[];

/** What gate k gets from the input or from the hidden state, [B, H], with its bias; undefined where that is nothing. */
export type GateInput = (k: number) => Tensor | undefined;

/** What arrives at what is carried, from the steps behind; undefined where nothing does. */
export type CarriedGradient = readonly (Tensor | undefined)[];

/** One step of a recurrent net, and how to undo it. */
export interface Step {
  readonly gates: number;
  /** Whether the last gate has to know the hidden state's share by itself. */
  readonly apart: boolean;
  /** What is carried next, and the derivative of this step. `before` is undefined at the start from zeros. */
  forward(
    input: GateInput,
    hidden: GateInput,
    before: Carried | undefined,
  ): { next: Carried; backward: (gradients: CarriedGradient) => StepGradient };
}

/** The gradients of one step's inputs. */
export interface StepGradient {
  /**
   * Of what each gate got, [B, H] each. With `apart`, the last gate has two: what it got from the input stands before the others,
   * what it got from the hidden state behind.
   */
  gates: readonly Tensor[];
  /** Of what was carried, but for what passes through the gates. */
  before: CarriedGradient;
}

/** The sum of those of the two that are there. */
export function sumOf(a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined {
  return a && b ? add(a, b) : (a ?? b);
}

/** The gradient before a sigmoid that gave y. */
const throughSigmoid = (g: Tensor, y: Tensor) => mul(g, sub(y, mul(y, y)));
/** The gradient before a tanh that gave y. */
const throughTanh = (g: Tensor, y: Tensor) => sub(g, mul(mul(g, y), y));

/** h' = tanh or relu (input + hidden) (Elman, 1990). */
export function rnnStep(nonlinearity: RecurrentNonlinearity): Step {
  return {
    gates: 1,
    apart: false,
    forward(input, hidden) {
      const sum = sumOf(input(0), hidden(0))!;
      const next = nonlinearity === "tanh" ? tanh(sum) : maximum(sum, 0);
      return {
        next: [next],
        backward: ([arrived]) => {
          const g = arrived ?? zeros(next.shape);
          return { gates: [nonlinearity === "tanh" ? throughTanh(g, next) : where(lt(0, next), g, 0)], before: [] };
        },
      };
    },
  };
}

/** Gates r, z, n in PyTorch's order; the reset gate is applied after the hidden product (Cho et al., 2014). */
export const gruStep: Step = {
  gates: 3,
  apart: true,
  forward(input, hidden, carried) {
    const before = carried?.[0];
    const reset = sigmoid(sumOf(input(0), hidden(0))!);
    const update = sigmoid(sumOf(input(1), hidden(1))!);
    const recalled = hidden(2);
    const fresh = tanh(sumOf(input(2), recalled && mul(reset, recalled))!);
    // From `fresh` towards the state before, or towards zero.
    const change = before ? sub(before, fresh) : neg(fresh);
    const next = add(fresh, mul(update, change));
    return {
      next: [next],
      backward: ([arrived]) => {
        const g = arrived ?? zeros(next.shape);
        const kept = mul(g, update);
        const toFresh = throughTanh(sub(g, kept), fresh);
        const toUpdate = throughSigmoid(mul(g, change), update);
        const toReset = recalled ? throughSigmoid(mul(toFresh, recalled), reset) : zeros(next.shape);
        return { gates: [toFresh, toReset, toUpdate, mul(toFresh, reset)], before: [before && kept] };
      },
    };
  },
};

/** Gates i, f, g, o in PyTorch's order (Hochreiter and Schmidhuber, 1997). */
export const lstmStep: Step = {
  gates: 4,
  apart: false,
  forward(input, hidden, carried) {
    const before = carried?.[1];
    const enter = sigmoid(sumOf(input(0), hidden(0))!);
    const fresh = tanh(sumOf(input(2), hidden(2))!);
    const leave = sigmoid(sumOf(input(3), hidden(3))!);
    const keep = before && sigmoid(sumOf(input(1), hidden(1))!);
    const cell = sumOf(keep && mul(keep, before), mul(enter, fresh))!;
    const shown = tanh(cell);
    return {
      next: [mul(leave, shown), cell],
      backward: ([arrived, arrivedAtCell]) => {
        const g = arrived ?? zeros(cell.shape);
        const toCell = sumOf(arrivedAtCell, throughTanh(mul(g, leave), shown))!;
        const gates = [
          throughSigmoid(mul(toCell, fresh), enter),
          keep ? throughSigmoid(mul(toCell, before), keep) : zeros(cell.shape),
          throughTanh(mul(toCell, enter), fresh),
          throughSigmoid(mul(g, shown), leave),
        ];
        return { gates, before: [undefined, keep && mul(toCell, keep)] };
      },
    };
  },
};
