/** An exponential average that forgets slowly: each value counts 1 - keep; corrected for having started at zero. */
export class SmoothedAverage {
  private readonly keep: number;
  private sum = 0;
  private weight = 0;

  constructor(keep: number) {
    this.keep = keep;
  }

  add(value: number): void {
    this.sum = this.sum * this.keep + value * (1 - this.keep);
    this.weight = this.weight * this.keep + (1 - this.keep);
  }

  /** The average so far; NaN before the first value. */
  get value(): number {
    return this.sum / this.weight;
  }

  /** What it remembers, for checkpoints. */
  get state(): readonly [sum: number, weight: number] {
    return [this.sum, this.weight];
  }
  set state([sum, weight]: readonly [sum: number, weight: number]) {
    this.sum = sum;
    this.weight = weight;
  }
}

/** A mean of values that stand for several rows each. */
export class WeightedAverage {
  private sum = 0;
  private weight = 0;

  add(value: number, weight: number): void {
    this.sum += value * weight;
    this.weight += weight;
  }

  /** The mean so far; NaN before the first value. */
  get value(): number {
    return this.sum / this.weight;
  }
}
