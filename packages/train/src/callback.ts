import { type Cell, TensorError } from "@fai/tensor";
import type { Run } from "./run.js";

/** The moments of a run, in the order in which they come: what callbacks may have members for. */
export const eventNames = [
  "beforeFit",
  "beforeEpoch",
  "beforeTrain",
  "beforeValidate",
  "beforeBatch",
  "afterPredict",
  "afterLoss",
  "afterBackward",
  "afterStep",
  "afterBatch",
  "afterTrain",
  "afterValidate",
  "afterEpoch",
  "afterFit",
] as const;

/** The name of an event. */
export type EventName = (typeof eventNames)[number];

/** What runs at an event: it reads the run, and may change it (`run.x`, `run.lr`, `run.loss`, `run.gradients`). */
export type EventHandler<X = never, Y = never, O = never> = (run: Run<X, Y, O>) => void | Promise<void>;

/**
 * Code that takes part in a run: any of the events, as functions of the run. `before*` come before what they name; `after*` come
 * after it, also when it was cancelled or failed. `throw new Cancel("batch" | "epoch" | "fit")` skips the rest of that phase.
 */
// biome-ignore lint/suspicious/noExplicitAny: a callback for any run must be usable in every run
export type Callback<X = any, Y = any, O = any> = { readonly [E in EventName]?: EventHandler<X, Y, O> } & {
  /** Callbacks run in ascending order (0), those of one order as they were given. */
  readonly order?: number;
  /** Whether it takes part in lrFind too, as what changes the steps does (false). */
  readonly inLrFind?: boolean;
  /** Names it in checkpoints; callbacks without one are told apart by their order. */
  readonly name?: string;
  /** What it remembers between batches, as plain data, for checkpoints. */
  readonly state?: () => unknown;
  /** Continues from what `state` gave, after `beforeFit`. */
  readonly loadState?: (state: never, run: Run<X, Y, O>) => void;
  /** Cells that it keeps (averages of weights), by name: checkpoints hold them too. */
  readonly cells?: () => Readonly<Record<string, Cell>>;
};

/** Thrown by a callback to skip the rest of a phase. A cancelled batch changes no parameter. */
export class Cancel extends Error {
  readonly phase: "batch" | "epoch" | "fit";

  constructor(phase: "batch" | "epoch" | "fit", reason = "") {
    super(reason || `the ${phase} was cancelled`);
    this.name = "Cancel";
    this.phase = phase;
  }
}

/** Throws when a callback has a `before...` or `after...` member that is no event: it would never run. */
export function checkCallback(callback: Callback): void {
  const known: readonly string[] = eventNames;
  for (
    let at: object | null = callback;
    at && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const name of Object.getOwnPropertyNames(at)) {
      if (!/^(before|after)[A-Z]/.test(name)) continue;
      if (!known.includes(name)) {
        const near = known.find((event) => event.length - name.length <= 2 && name.startsWith(event.slice(0, 7)));
        throw new TensorError(
          "callback",
          `${callback.constructor?.name ?? "a callback"} has a member ${name}, which is no event${near ? `. Is ${near} meant?` : ""} Events: ${known.join(", ")}.`,
        );
      }
      const member = (callback as Record<string, unknown>)[name];
      if (member !== undefined && typeof member !== "function")
        throw new TensorError("callback", `${name} is no function (${typeof member}).`);
    }
  }
}
