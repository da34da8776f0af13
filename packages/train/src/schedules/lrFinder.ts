import { randomState, setRandomState, TensorError } from "@fai/tensor";
import { SmoothedAverage } from "../averages.js";
import { type Callback, Cancel } from "../callback.js";
import { type RateSuggestions, suggestRates } from "./suggestRate.js";

/** Options of `lrFind`. */
export interface LrFindOptions {
  /** The first rate (1e-5). */
  start?: number;
  /** The rate after the last step (10). */
  end?: number;
  /** Steps to take (those of one epoch; 100 where an epoch has fewer). */
  steps?: number;
  /** Whether rates grow by equal amounts instead of equal factors (false). */
  linear?: boolean;
  /** It ends when the smoothed loss is this many times the best one (4). */
  stopAt?: number;
  /** Weight decay of all groups (the optimizer's). */
  wd?: number;
}

/** What a learning-rate finder saw. */
export interface LrFindResult {
  /** The rate of each step, of the last layer group. */
  readonly lr: readonly number[];
  /** The smoothed loss of each step. */
  readonly loss: readonly number[];
  /** The loss of each step as it was. */
  readonly batchLoss: readonly number[];
  readonly suggestions: RateSuggestions;
  /** What its plot shows, for `lrFinderPlot` of @fai/plot: without the first steps and the last. */
  readonly plot: {
    readonly lr: readonly number[];
    readonly loss: readonly number[];
    readonly suggestions: Readonly<Record<string, number>>;
  };
}

/** Steps taken where an epoch has fewer. */
const leastSteps = 100;
/** The best loss is looked for from this iteration on: the first ones are too noisy. */
const noisySteps = 10;

/** The options, checked and filled in, for epochs of `batches`. */
export function finderPlan(batches: number, options: LrFindOptions): Required<Omit<LrFindOptions, "wd">> {
  const { start = 1e-5, end = 10, steps = Math.max(batches, leastSteps), linear = false, stopAt = 4 } = options;
  if (!(start > 0 && end > start && Number.isFinite(end))) {
    throw new TensorError("lrFind", `rates from ${start} to ${end}: expected a rise between numbers above 0.`);
  }
  if (!(Number.isInteger(steps) && steps >= 2))
    throw new TensorError("lrFind", `steps is ${steps}, expected at least 2.`);
  return { start, end, steps, linear, stopAt };
}

/** The callback that raises the rate batch by batch, writes down what happens, and ends the run when the loss explodes. */
export class LrFinder {
  readonly lr: number[] = [];
  readonly loss: number[] = [];
  readonly batchLoss: number[] = [];
  private best = Number.POSITIVE_INFINITY;
  private readonly smoothed = new SmoothedAverage(0.98);
  private readonly plan: ReturnType<typeof finderPlan>;

  constructor(plan: ReturnType<typeof finderPlan>) {
    this.plan = plan;
  }

  /** Takes part in one run. */
  callback(): Callback {
    const { start, end, steps, linear, stopAt } = this.plan;
    return {
      order: -20,
      beforeBatch: (run) => {
        const share = run.step / steps;
        run.lr = linear ? start + (end - start) * share : start * (end / start) ** share;
      },
      afterStep: async (run) => {
        const value = await run.loss.item().catch(() => Number.NaN); // what is not finite is the end, not an error
        if (!Number.isFinite(value)) throw new Cancel("fit");
        this.smoothed.add(value);
        const loss = this.smoothed.value;
        this.lr.push(run.lr);
        this.loss.push(loss);
        this.batchLoss.push(value);
        if (loss > this.best * stopAt || run.step + 1 >= steps) throw new Cancel("fit");
        if (loss < this.best && run.step > noisySteps) this.best = loss;
      },
    };
  }

  /** Throws when the very first losses were not finite. */
  result(): LrFindResult {
    const { lr, loss, batchLoss } = this;
    const count = lr.length;
    if (count < 2) {
      throw new TensorError(
        "lrFind",
        `the loss was not finite after ${count} steps. Is the input normalized, and finite?`,
      );
    }
    const kept = [Math.min(10, Math.floor(count / 10)), count - Math.min(6, Math.floor(count / 16))] as const;
    const shown = { lr: lr.slice(...kept), loss: loss.slice(...kept) };
    const suggestions = suggestRates(shown.lr, shown.loss);
    return { lr, loss, batchLoss, suggestions, plot: { ...shown, suggestions: { ...suggestions } } };
  }
}

/** Remembers the random numbers and where loaders stand; the function that comes back puts them back. */
export function rememberChance(loaders: readonly ({ epoch?: number } | undefined)[]): () => void {
  const random = randomState();
  const epochs = loaders.map((loader) => loader?.epoch);
  return () => {
    setRandomState(random);
    loaders.forEach((loader, i) => {
      if (loader && epochs[i] !== undefined) loader.epoch = epochs[i];
    });
  };
}
