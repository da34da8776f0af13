/*
 * What stages of a loader gain where loading is what takes long.
 *
 *   npm run bench -- loaderStages
 *
 * 1. A transform in plain JavaScript, on the main thread and on worker threads: rows a second, and the longest time that a timer of
 *    the main thread had to wait.
 * 2. Large batches, sent with their step, sent ahead (`prefetchToDevice`), and on the device from the start: milliseconds a step.
 */

import { Generator, leaf, manualSeed, type Tensor, upload } from "@fai/tensor";
import { Linear, mse } from "@fai/tensor/nn";
import { type Batch, DataLoader, type Dataset, fit, ItemDataset, prefetchToDevice, sgd, workerPool } from "@fai/train";
import transform from "./heavyTransform.js";

const side = 64;
const rows = 512;
const repeats = 5;
const median = (list: number[]) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)]!;

function joined(pictures: readonly Float32Array[]): Tensor {
  const all = new Float32Array(pictures.length * side * side);
  for (const [i, picture] of pictures.entries()) all.set(picture, i * side * side);
  return leaf(all, [pictures.length, side * side], "f32");
}

async function transformed(
  item: (row: number, epoch: number, signal: AbortSignal) => Float32Array | Promise<Float32Array>,
) {
  const dataset = new ItemDataset({
    length: rows,
    item,
    collate: (pictures: readonly Float32Array[]) => ({
      x: joined(pictures),
      y: leaf(new Float32Array(pictures.length), [pictures.length, 1], "f32"),
    }),
  });
  let [last, longest] = [performance.now(), 0];
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const start = performance.now();
  await fit(
    new Linear(side * side, 1),
    { train: new DataLoader(dataset, { batchSize: 16 }) },
    {
      epochs: 1,
      optimizer: sgd({ lr: 1e-3 }),
      loss: mse,
    },
  );
  clearInterval(timer);
  return { rate: rows / ((performance.now() - start) / 1000), longest };
}

async function workers(): Promise<void> {
  const pools = [1, 2].map((count) =>
    workerPool<number, Float32Array>(new URL("./heavyTransform.js", import.meta.url), { workers: count }),
  );
  const ways = [
    ["main thread", transform],
    ["1 thread", (row: number) => pools[0]!.run(row)],
    ["2 threads", (row: number) => pools[1]!.run(row)],
  ] as const;
  const found = ways.map(() => ({ rates: [] as number[], waits: [] as number[] }));
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const [i, [, item]] of ways.entries()) {
      const { rate, longest } = await transformed(item);
      if (repeat === 0) continue; // threads start, and the compiler warms up
      found[i]!.rates.push(rate);
      found[i]!.waits.push(longest);
    }
  }
  for (const [i, [name]] of ways.entries()) {
    const rate = median(found[i]!.rates);
    console.log(
      `${name.padEnd(12)} ${rate.toFixed(0).padStart(6)} rows/s  ${(rate / median(found[0]!.rates)).toFixed(2)} x  longest wait of a timer ${median(found[i]!.waits).toFixed(1)} ms`,
    );
  }
  for (const pool of pools) pool.close();
}

/** The same large batch over and over: 1024 rows of 4096 numbers are 16 MB. */
class Large implements Dataset<Tensor, Tensor> {
  readonly length = 20;
  private readonly data: Float32Array;
  private readonly resident: Batch<Tensor, Tensor> | undefined;

  constructor(resident: boolean) {
    const generator = new Generator(1);
    this.data = Float32Array.from({ length: 1024 * 4096 }, () => generator.uniform());
    if (!resident) return;
    this.resident = this.batch();
    upload(this.resident.x);
  }

  batch(): Batch<Tensor, Tensor> {
    const [n, width] = [1024, 4096];
    return (
      this.resident ?? {
        x: leaf(this.data, [n, width], "f32"),
        y: leaf(new Float32Array(64 * n), [n, 64], "f32"),
        size: n,
      }
    );
  }
}

async function sending(): Promise<void> {
  const [sent, resident] = [new Large(false), new Large(true)];
  const model = new Linear(4096, 64);
  const loader = (dataset: Large) => new DataLoader(dataset, { batchSize: 1 });
  const ways = [
    ["with the step", () => loader(sent)],
    ["sent ahead", () => prefetchToDevice(loader(sent))],
    ["on the device", () => loader(resident)],
  ] as const;
  const times = ways.map(() => [] as number[]);
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const [i, [, source]] of ways.entries()) {
      const start = performance.now();
      await fit(model, { train: source() }, { epochs: 1, optimizer: sgd({ lr: 1e-6 }), loss: mse });
      if (repeat > 0) times[i]!.push((performance.now() - start) / sent.length);
    }
  }
  for (const [i, [name]] of ways.entries())
    console.log(
      `${name.padEnd(14)} ${median(times[i]!).toFixed(2).padStart(7)} ms a step  ${(median(times[i]!) / median(times[0]!)).toFixed(2)} x`,
    );
}

manualSeed(0);
await workers();
console.log();
await sending();
