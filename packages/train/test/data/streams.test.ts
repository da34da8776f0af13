import { leaf, type Tensor } from "@fai/tensor";
import { Linear, mse } from "@fai/tensor/nn";
import { describe, expect, it } from "vitest";
import {
  ArrayDataset,
  type Batch,
  DataLoader,
  ItemDataset,
  Learner,
  padRows,
  StreamLoader,
  sgd,
  weighted,
} from "../../src/index.js";

async function numbers(loader: AsyncIterable<Batch<Tensor, unknown>>): Promise<number[][]> {
  const found: number[][] = [];
  for await (const { x } of loader) found.push([...(await x.data())]);
  return found;
}
const column = (items: readonly number[]) => leaf(Float32Array.from(items), [items.length, 1], "f32");

describe("ItemDataset", () => {
  const collate = (items: readonly number[]) => ({ x: column(items), y: column(items) });

  it("reads rows several at once and keeps their order", async () => {
    let [busy, most] = [0, 0];
    const item = async (row: number) => {
      most = Math.max(most, ++busy);
      await new Promise((resolve) => setTimeout(resolve, (row * 7) % 5));
      busy--;
      return row;
    };
    const loader = new DataLoader(new ItemDataset({ length: 10, item, collate, concurrency: 3 }), {
      batchSize: 4,
      prefetch: 0,
    });
    expect(await numbers(loader)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(most).toBe(3);
  });

  it("names the row that failed", async () => {
    const item = (row: number) => {
      if (row === 5) throw new Error("the file is gone");
      return row;
    };
    const loader = new DataLoader(new ItemDataset({ length: 10, item, collate }), { batchSize: 4 });
    await expect(numbers(loader)).rejects.toThrow("[ItemDataset] row 5 could not be read: the file is gone");
    expect(() => new ItemDataset({ length: 1, item, collate, concurrency: 0 })).toThrow(
      "[ItemDataset] concurrency is 0",
    );
  });

  it("padRows fills rows of unequal length", async () => {
    const rows = [Int32Array.of(1, 2, 3), Int32Array.of(4), Int32Array.of()];
    const { values, lengths } = padRows(rows, { value: -1, multiple: 2 });
    expect(await values.toArray()).toEqual([
      [1, 2, 3, -1],
      [4, -1, -1, -1],
      [-1, -1, -1, -1],
    ]);
    expect(await lengths.toArray()).toEqual([3, 1, 0]);
    expect(await padRows(rows, { side: "start" }).values.toArray()).toEqual([
      [1, 2, 3],
      [0, 0, 4],
      [0, 0, 0],
    ]);
    expect(() => padRows([Int32Array.of(1), Float32Array.of(1)])).toThrow(
      "[padRows] row 1 is of type Float32Array, the first of Int32Array.",
    );
  });
});

describe("StreamLoader", () => {
  const collate = (items: readonly number[]) => ({ x: column(items), y: column(items.map((v) => 2 * v)) });
  async function* count(to: number) {
    for (let i = 0; i < to; i++) yield i;
  }

  it("makes batches of a stream, which begins anew each epoch", async () => {
    const loader = new StreamLoader(() => count(7), { length: 3, batchSize: 3, collate });
    for (let epoch = 0; epoch < 2; epoch++) expect(await numbers(loader)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(loader.epoch).toBe(2);
    expect(await numbers(loader.batchesFrom(2))).toEqual([[6]]);
    expect(await numbers(new StreamLoader(() => count(1e9), { length: 2, batchSize: 2, collate }))).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(
      await numbers(new StreamLoader(() => [0, 1, 2], { length: 2, batchSize: 2, dropLast: true, collate })),
    ).toEqual([[0, 1]]);
  });

  it("shuffles through a buffer: every item once, by seed and epoch", async () => {
    const make = (seed: number) =>
      new StreamLoader(() => count(40), { length: 4, batchSize: 10, shuffleBuffer: 16, seed, collate });
    const [first, second] = [make(1), make(1)];
    const one = (await numbers(first)).flat();
    expect([...one].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(one).not.toEqual([...one].sort((a, b) => a - b));
    expect((await numbers(second)).flat()).toEqual(one);
    expect((await numbers(first)).flat()).not.toEqual(one);
    expect((await numbers(make(2))).flat()).not.toEqual(one);
  });

  it("trains a Learner", async () => {
    const train = new StreamLoader(() => [-1, 1, -2, 2], { length: 2, batchSize: 2, collate });
    const learner = new Learner({ train }, new Linear(1, 1), { loss: mse, optimizer: sgd() });
    await learner.fit(0.1, { epochs: 20 });
    expect(learner.history.losses.at(-1)).toBeLessThan(1e-3);
  });
});

describe("weighted sampling", () => {
  it("draws rows by their weights, the same for the same seed and epoch", async () => {
    const rows = 1000;
    const data = new ArrayDataset({
      x: { data: Float32Array.from({ length: rows }, (_, i) => i) },
      y: { data: new Float32Array(rows) },
    });
    const weights = Array.from({ length: rows }, (_, i) => (i < 100 ? 9 : i === 500 ? 0 : 1));
    const drawn = async () => (await numbers(new DataLoader(data, { sampler: weighted(weights, 3) }))).flat();
    const found = await drawn();
    expect(found).toHaveLength(rows);
    expect(found.filter((row) => row < 100).length / rows).toBeCloseTo(0.5, 1);
    expect(found).not.toContain(500);
    expect(await drawn()).toEqual(found);
    expect(() => weighted([0, 0], 1)).toThrow("[weighted] all weights are 0");
    expect(() => weighted([1, -1], 1)).toThrow("[weighted] weight 1 is -1");
    expect(() => new DataLoader(data, { shuffle: true, sampler: weighted(weights, 1) })).toThrow(
      "[DataLoader] sampler and shuffle are both given.",
    );
    await expect(numbers(new DataLoader(data, { sampler: weighted([1], 1) }))).rejects.toThrow(
      "[weighted] 1 weights for 1000 rows.",
    );
  });
});
