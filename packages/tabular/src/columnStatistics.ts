import { Generator, TensorError } from "@fai/tensor";
import { quantile } from "./describe.js";

/** How many values of a column the median is taken of: all, up to this many; beyond, a random sample of so many. */
const sampleSize = 1 << 20;

/** Count, mean, spread and median of the numbers of a column that comes in parts. */
export class ColumnStatistics {
  missing = 0;
  count = 0;
  lowest = Number.POSITIVE_INFINITY;
  highest = Number.NEGATIVE_INFINITY;
  private mean = 0;
  private squares = 0;
  private sample = new Float64Array(1024);
  private readonly generator = new Generator(0, 0x30000);

  /** Takes in more values (NaN: missing), all or those at `rows`. */
  add(values: Float64Array, rows?: Int32Array): void {
    const n = rows ? rows.length : values.length;
    for (let i = 0; i < n; i++) {
      const value = values[rows ? rows[i]! : i]!;
      if (Number.isNaN(value)) {
        this.missing++;
        continue;
      }
      // Welford's update, which loses no digits when the mean is large.
      const delta = value - this.mean;
      this.mean += delta / ++this.count;
      this.squares += delta * (value - this.mean);
      if (value < this.lowest) this.lowest = value;
      if (value > this.highest) this.highest = value;
      this.remember(value);
    }
  }

  /** Median, and mean and standard deviation (of the population) after missing values are filled with it. Throws without values. */
  finish(name: string): { median: number; mean: number; std: number } {
    const { count, missing, mean, squares } = this;
    if (count === 0)
      throw new TensorError("TabularPrep", `column ${name} has no value in any training row. Leave it out.`);
    if (!Number.isFinite(mean))
      throw new TensorError("TabularPrep", `column ${name} holds infinite numbers. Clamp them, or make them missing.`);
    const median = quantile(this.sample.slice(0, Math.min(count, sampleSize)).sort(), 0.5);
    const total = count + missing;
    const filled = (mean * count + median * missing) / total;
    const spread = squares + count * (mean - filled) ** 2 + missing * (median - filled) ** 2;
    return { median, mean: filled, std: Math.sqrt(spread / total) };
  }

  /** Reservoir sampling (Vitter's algorithm R). */
  private remember(value: number): void {
    const { count } = this;
    if (count <= sampleSize) {
      if (count > this.sample.length) {
        const wider = new Float64Array(Math.min(sampleSize, 2 * this.sample.length));
        wider.set(this.sample);
        this.sample = wider;
      }
      this.sample[count - 1] = value;
    } else {
      const place = Math.floor(this.generator.uniform() * count);
      if (place < sampleSize) this.sample[place] = value;
    }
  }
}
