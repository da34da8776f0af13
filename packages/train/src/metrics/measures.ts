import { concat, stack, type Tensor } from "@fai/tensor";
import { WeightedAverage } from "../averages.js";
import type { AnyMetric, Metric, SetMetric } from "../metrics.js";

/** The loss and metrics of a set, batch by batch: one tensor a batch is read, and one row of numbers comes out. */
export class Measures<O, Y> {
  private readonly simple: [string, Metric<O, Y>][] = [];
  private readonly whole: [string, SetMetric<O, Y>, Float32Array[]][] = [];
  private readonly averages: WeightedAverage[];
  private readonly names: string[];

  constructor(metrics: Readonly<Record<string, AnyMetric<O, Y>>>) {
    this.names = Object.keys(metrics);
    for (const [name, metric] of Object.entries(metrics)) {
      if (typeof metric === "function") this.simple.push([name, metric]);
      else this.whole.push([name, metric, []]);
    }
    this.averages = [new WeightedAverage(), ...this.simple.map(() => new WeightedAverage())];
  }

  /** All numbers of a batch of `size` rows as one tensor, and what takes them once they are read. */
  batch(loss: Tensor, output: O, target: Y, size: number): { values: Tensor; add: (values: Float32Array) => void } {
    const means = stack([loss, ...this.simple.map(([, metric]) => metric(output, target))]);
    const parts = this.whole.map(([, metric]) => metric.collect(output, target).cast("f32").reshape(-1));
    const values = parts.length === 0 ? means : concat([means, ...parts], 0);
    const sizes = parts.map((part) => part.size);
    const add = (list: Float32Array) => {
      for (const [i, average] of this.averages.entries()) average.add(list[i]!, size);
      let at = this.averages.length;
      for (const [i, [, , kept]] of this.whole.entries()) kept.push(list.slice(at, (at += sizes[i]!)));
    };
    return { values, add };
  }

  /** The mean loss, and each metric under its name. */
  result(): { loss: number; metrics: Record<string, number> } {
    const [loss, ...means] = this.averages.map(({ value }) => value);
    const found = new Map([
      ...this.simple.map(([name], i) => [name, means[i]!] as const),
      ...this.whole.map(([name, metric, parts]) => [name, metric.finish(parts)] as const),
    ]);
    return { loss: loss!, metrics: Object.fromEntries(this.names.map((name) => [name, found.get(name)!])) };
  }
}
