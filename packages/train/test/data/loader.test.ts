import { manualSeed, type Tensor } from "@fai/tensor";
import { describe, expect, expectTypeOf, it, test } from "vitest";
import { ArrayDataset, type Batch } from "../../src/data/dataset.js";
import { DataLoader, type DataLoaderOptions } from "../../src/data/loader.js";

const rows = 23;
/** Row i holds images [2, 3] of 6 i ... 6 i + 5 and the label i. */
const dataset = new ArrayDataset({
  x: { data: Uint8Array.from({ length: rows * 6 }, (_, i) => i), shape: [2, 3] },
  y: { data: Int32Array.from({ length: rows }, (_, i) => i) },
});

async function batches<X, Y>(loader: AsyncIterable<Batch<X, Y>>): Promise<Batch<X, Y>[]> {
  const found: Batch<X, Y>[] = [];
  for await (const batch of loader) found.push(batch);
  return found;
}

async function labels(options: DataLoaderOptions, epochs = 1): Promise<number[][][]> {
  const loader = new DataLoader(dataset, options);
  const found: number[][][] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const read = (await batches(loader)).map(async ({ y }) => [...(await y.data<"i32">())]);
    found.push(await Promise.all(read));
  }
  return found;
}

describe("a loader", () => {
  it("goes through the rows in order, the last batch smaller", async () => {
    const [epoch] = await labels({ batchSize: 5 });
    expect(epoch!.map((batch) => batch.length)).toEqual([5, 5, 5, 5, 3]);
    expect(epoch!.flat()).toEqual(Array.from({ length: rows }, (_, i) => i));
    expect(new DataLoader(dataset, { batchSize: 5 }).length).toBe(5);
  });

  it("drops a last batch that is not full", async () => {
    const [epoch] = await labels({ batchSize: 5, dropLast: true });
    expect(epoch!.map((batch) => batch.length)).toEqual([5, 5, 5, 5]);
    expect(new DataLoader(dataset, { batchSize: 5, dropLast: true }).length).toBe(4);
  });

  it("shuffles: every row once an epoch, each epoch in another order, the same for the same seed", async () => {
    const epochs = await labels({ batchSize: 4, shuffle: true, seed: 3 }, 3);
    for (const epoch of epochs)
      expect(epoch.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
    expect(new Set(epochs.map((epoch) => String(epoch.flat()))).size).toBe(3);
    expect(await labels({ batchSize: 4, shuffle: true, seed: 3 }, 3)).toEqual(epochs);
    expect(await labels({ batchSize: 4, shuffle: true, seed: 4 }, 1)).not.toEqual(epochs.slice(0, 1));
  });

  it("takes its seed from manualSeed unless it is given one", async () => {
    const drawn = async (seed: number) => {
      manualSeed(seed);
      return labels({ shuffle: true });
    };
    expect(await drawn(1)).toEqual(await drawn(1));
    expect(await drawn(1)).not.toEqual(await drawn(2));
  });

  it("repeats an epoch when it is set back", async () => {
    const loader = new DataLoader(dataset, { shuffle: true, seed: 1 });
    const first = await batches(loader);
    await batches(loader);
    loader.epoch = 0;
    const again = await batches(loader);
    expect(await again[0]!.y.data()).toEqual(await first[0]!.y.data());
  });

  it("keeps inputs and labels together and bytes as bytes", async () => {
    for (const shuffle of [false, true]) {
      for (const { x, y, size } of await batches(new DataLoader(dataset, { batchSize: 4, shuffle, seed: 0 }))) {
        expect([x.dtype, x.shape, y.dtype, y.shape]).toEqual(["u8", [size, 2, 3], "i32", [size]]);
        const pixels = await x.data<"u8">();
        (await y.data<"i32">()).forEach((label, row) => {
          expect([...pixels.subarray(row * 6, row * 6 + 6)]).toEqual(
            Array.from({ length: 6 }, (_, i) => (label * 6 + i) & 255),
          );
        });
      }
    }
  });

  it("copies no rows that lie behind one another", async () => {
    const data = new Float32Array(40);
    const rows = new ArrayDataset({ x: { data, shape: [4] }, y: { data: new Int32Array(10) } });
    const [, second] = await batches(new DataLoader(rows, { batchSize: 5 }));
    const host = second!.x.node.host[0]!;
    expect([host.buffer === data.buffer, host.byteOffset, host.length]).toEqual([true, 80, 20]);
  });

  it("gives records of tensors for models that take records", async () => {
    const mixed = new ArrayDataset({
      x: { categories: { data: new Int32Array(8), shape: [2] }, numbers: { data: new Float32Array(12), shape: [3] } },
      y: { data: new Float32Array(4) },
    });
    const [batch] = await batches(new DataLoader(mixed, { batchSize: 3 }));
    expectTypeOf(batch!.x).toEqualTypeOf<{ readonly categories: Tensor; readonly numbers: Tensor }>();
    expect([batch!.x.categories.shape, batch!.x.numbers.shape, batch!.y.shape]).toEqual([[3, 2], [3, 3], [3]]);
  });

  it("reads Node's buffers as plain bytes", async () => {
    const buffers = new ArrayDataset({
      x: { data: Buffer.from([1, 2, 3, 4]) },
      y: { data: Buffer.from([1, 2, 3, 4]) },
    });
    for (const shuffle of [false, true]) {
      const [batch] = await batches(new DataLoader(buffers, { shuffle, seed: 0 }));
      expect(batch!.x.node.host[0]!.constructor).toBe(Uint8Array);
    }
  });
});

describe("errors", () => {
  const y = { data: new Int32Array(4) };
  test.each<[string, () => unknown, string]>([
    [
      "an array of numbers",
      () => new ArrayDataset({ x: { data: [1, 2] as unknown as Float32Array }, y }),
      "[ArrayDataset] x is of type Array, expected a Float32Array, an Int32Array or a Uint8Array. Convert it with Float32Array.from(...)?",
    ],
    [
      "a double array",
      () => new ArrayDataset({ x: { data: new Float64Array(4) as unknown as Float32Array }, y }),
      "[ArrayDataset] x is of type Float64Array, expected a Float32Array, an Int32Array or a Uint8Array. Convert it with Float32Array.from(...)?",
    ],
    [
      "rows in part",
      () => new ArrayDataset({ x: { data: new Float32Array(10), shape: [3] }, y }),
      "[ArrayDataset] x has 10 elements, which are no whole entries of [3]. Is shape that of one row?",
    ],
    [
      "columns of unequal length",
      () => new ArrayDataset({ x: { a: { data: new Float32Array(4) }, b: { data: new Float32Array(5) } }, y }),
      "[ArrayDataset] x.a has 4 rows, x.b has 5. Give every column one entry a row.",
    ],
    [
      "no rows",
      () => new DataLoader(new ArrayDataset({ x: { data: new Float32Array(0) }, y: { data: new Int32Array(0) } })),
      "[DataLoader] the dataset has no rows.",
    ],
    [
      "half a row a batch",
      () => new DataLoader(dataset, { batchSize: 0.5 }),
      "[DataLoader] batchSize is 0.5, expected a whole number of at least 1.",
    ],
    [
      "nothing left",
      () => new DataLoader(dataset, { batchSize: 64, dropLast: true }),
      "[DataLoader] the dataset has 23 rows, less than one batch of 64, and dropLast leaves nothing. Use a smaller batchSize?",
    ],
  ])("%s", (_, act, message) => expect(act).toThrow(new RegExp(`^${message.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`)));
});
