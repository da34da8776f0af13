import { concat, leaf, ones, State, scatterAdd, stack, Tensor, TensorError } from "@fai/tensor";
import { type AnyModule, type Hook, hook } from "@fai/tensor/nn";
import type { Callback } from "../callback.js";
import { ReadLate } from "../readLate.js";

/** What was seen of one layer or parameter: one entry a measured batch. */
export interface TensorStatistics {
  readonly mean: number[];
  readonly std: number[];
  /** Share of the elements whose size is below 0.05: dead units, vanished gradients. */
  readonly nearZero: number[];
  /** Shares of the elements by their size, in `bins` equal steps from 0 to `range`; the last holds all above. */
  readonly histogram: number[][];
}

/** Options of `activationStatistics` and `gradientStatistics`. */
export interface StatisticsOptions {
  /** Which layers, or parameters, by their dotted names (layers without layers in them; all parameters). */
  only?: (name: string) => boolean;
  /** Measures one training batch in this many (1). */
  every?: number;
  /** Bars of the histogram (40). */
  bins?: number;
  /** The largest size with a bar of its own (10 for activations, 1 for gradients). */
  range?: number;
}

/** A callback that keeps statistics, by the layers' or parameters' names. */
export interface StatisticsCallback extends Callback {
  readonly statistics: ReadonlyMap<string, TensorStatistics>;
}

const nearZero = 0.05;

/** Statistics of what layers give in training, computed on the device within the step (the colorful dimension, histograms). */
export function activationStatistics(options: StatisticsOptions = {}): StatisticsCallback {
  const collector = new Collector(options, 10);
  const { only = () => true } = options;
  let hooks: Hook[] = [];
  return {
    statistics: collector.statistics,
    beforeFit: (run) => {
      const layers = run.learner.model
        .namedModules()
        .filter(([name, module]) => name !== "" && isLeaf(module) && only(name));
      hooks = layers.map(([name, module]) => hook(module, (output) => collector.take(name, output)));
    },
    beforeBatch: (run) => collector.begin(run.training, run.step),
    afterBatch: () => collector.read(),
    afterTrain: () => collector.finish(),
    afterFit: () => {
      for (const { remove } of hooks) remove();
    },
  };
}

/** Statistics of the gradients of parameters, as they come out of the derivatives or of callbacks before this one. */
export function gradientStatistics(options: StatisticsOptions = {}): StatisticsCallback {
  const collector = new Collector(options, 1);
  const { only = () => true } = options;
  return {
    order: -55, // before gradients are accumulated and clipped
    statistics: collector.statistics,
    beforeBatch: (run) => collector.begin(run.training, run.step),
    afterBackward: (run) => {
      run.optimizer.trainable().forEach(({ name }, i) => {
        if (only(name)) collector.take(name, run.gradients[i]!);
      });
    },
    afterBatch: () => collector.read(),
    afterTrain: () => collector.finish(),
  };
}

function isLeaf(module: AnyModule): boolean {
  return module.children().length === 0;
}

/** Measures go into cells, which the step's own submission writes: nothing is computed twice. */
class Collector {
  readonly statistics = new Map<string, TensorStatistics>();
  private readonly cells = new Map<string, State>();
  private taken: string[] = [];
  private isDue = false;
  private readonly every: number;
  private readonly bins: number;
  private readonly range: number;
  private readonly reads = new ReadLate<[name: string, values: Float32Array][]>((list) => this.write(list));

  constructor({ every = 1, bins = 40, range: given }: StatisticsOptions, range: number) {
    if (!(Number.isInteger(every) && every >= 1))
      throw new TensorError("statistics", `every is ${every}, expected at least 1.`);
    this.every = every;
    this.bins = bins;
    this.range = given ?? range;
  }

  begin(training: boolean, step: number): void {
    this.taken = [];
    this.isDue = training && step % this.every === 0;
  }

  take(name: string, value: unknown): void {
    if (!this.isDue || !(value instanceof Tensor)) return;
    let cell = this.cells.get(name);
    if (!cell)
      this.cells.set(name, (cell = new State(leaf(new Float32Array(3 + this.bins), [3 + this.bins], "f32"), name)));
    cell.set(this.measure(value.detach().cast("f32").reshape(-1)));
    this.taken.push(name);
  }

  async read(): Promise<void> {
    if (this.taken.length === 0) return;
    const { taken } = this;
    this.taken = [];
    const values = taken.map((name) => this.cells.get(name)!.committed.data());
    await this.reads.push(Promise.all(values).then((list) => list.map((data, i) => [taken[i]!, data])));
  }

  async finish(): Promise<void> {
    await this.reads.finish();
  }

  private measure(flat: Tensor): Tensor {
    const size = flat.abs();
    const bin = size
      .mul(this.bins / this.range)
      .floor()
      .clamp({ max: this.bins - 1 })
      .cast("i32");
    const counts = scatterAdd(bin, ones([flat.size]), 0, this.bins);
    const std = flat.size > 1 ? flat.std() : flat.sum().mul(0);
    const numbers = stack([flat.mean(), std, size.lt(nearZero).cast("f32").mean()]);
    return concat([numbers, counts.div(flat.size)], 0);
  }

  private write(list: readonly [string, Float32Array][]): void {
    for (const [name, [mean, std, near, ...histogram]] of list) {
      const found = this.statistics.get(name) ?? { mean: [], std: [], nearZero: [], histogram: [] };
      this.statistics.set(name, found);
      found.mean.push(mean!);
      found.std.push(std!);
      found.nearZero.push(near!);
      found.histogram.push(histogram);
    }
  }
}
