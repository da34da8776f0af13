import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { leaf, type Tensor } from "@fai/tensor";
import { Linear, mse } from "@fai/tensor/nn";
import { afterEach, describe, expect, it } from "vitest";
import {
  Cancel,
  DataLoader,
  ItemDataset,
  Learner,
  StreamLoader,
  type WorkerPool,
  workerPool,
} from "../../src/index.js";
import scramble from "./transforms.js";

const module = new URL("./transforms.js", import.meta.url);
const pools: WorkerPool<never, unknown>[] = [];
const open = <I, O>(name: string, workers: number, move = false) => {
  const pool = workerPool<I, O>(module, { name, workers, move });
  pools.push(pool as never);
  return pool;
};
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});
const counter = () => new SharedArrayBuffer(4);
const collect = async <T>(items: AsyncIterable<T>) => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

interface Row {
  row: number;
  epoch?: number;
  rounds?: number;
}
const rowsOf = (values: readonly Float32Array[]) =>
  leaf(Float32Array.from(values.flatMap((row) => [...row])), [values.length, 8], "f32");

describe("workerPool", () => {
  it("gives results in the order of the items, the same bits for any number of threads", async () => {
    const items = Array.from({ length: 30 }, (_, row) => ({ row, rounds: 20_000 - 600 * row }));
    const expected = items.map(scramble);
    for (const workers of [1, 2, 3])
      expect(await collect(open<Row, Float32Array>("default", workers).map(items))).toEqual(expected);
  });

  it("leaves the main thread free: its timer ticks while a transform burns the processor", async () => {
    const ticks = counter();
    const timer = setInterval(() => Atomics.add(new Int32Array(ticks), 0, 1), 1);
    expect(await open<SharedArrayBuffer, number>("untilCounted", 1).run(ticks)).toBeGreaterThan(0); // 0 is the main thread
    clearInterval(timer);
  });

  it("works on as many items at once as it has threads, and on no more", async () => {
    const met = counter();
    const pool = open<{ counter: SharedArrayBuffer; of: number }, number>("together", 3);
    const threads = await collect(pool.map([1, 2, 3].map(() => ({ counter: met, of: 3 }))));
    expect(new Set(threads).size).toBe(3);
    const sleepy = open<SharedArrayBuffer, number>("untilCounted", 2);
    const ticks = counter();
    const runs = [1, 2, 3, 4, 5].map(() => sleepy.run(ticks));
    expect(sleepy.busy).toBe(2);
    Atomics.store(new Int32Array(ticks), 0, 5);
    expect(await Promise.all(runs)).toHaveLength(5);
    expect(sleepy.busy).toBe(0);
  });

  it("takes no more from the source than are in hand", async () => {
    let taken = 0;
    const source = function* () {
      for (let row = 0; row < 100; row++) {
        taken++;
        yield { row };
      }
    };
    const results = open<Row, Float32Array>("default", 2).map(source(), { ahead: 3 });
    for (let i = 1; i <= 10; i++) {
      await results.next();
      expect(taken).toBeLessThanOrEqual(i + 3);
    }
    await results.return();
  });

  it("names the item that failed, keeps the transform's stack, and goes on", async () => {
    const pool = open<number, number>("fails", 2);
    const seen: number[] = [];
    const all = async () => {
      for await (const i of pool.map([0, 1, 2, 3, 4, 5])) seen.push(i);
    };
    await expect(all()).rejects.toThrow(/^\[workerPool\] item 3: .*transforms\.js failed: 3 is too much$/);
    expect(seen).toEqual([0, 1, 2]);
    const failure = (await pool.run(3).catch((error: unknown) => error)) as Error;
    expect((failure.cause as Error).stack).toContain("transforms.js");
    expect(await pool.run(9)).toBe(9);
  });

  it("says so when a thread ends, and starts another for what waits", async () => {
    const pool = open<number, number>("ends", 1);
    const runs = await Promise.allSettled([1, 3, 4, 5].map((i) => pool.run(i)));
    expect(runs.map((run) => (run.status === "fulfilled" ? run.value : (run.reason as Error).message))).toEqual([
      1,
      expect.stringContaining("ended while it worked (exit code 7). Does the transform end the process"),
      expect.stringContaining("ended while it worked (out of the blue)"),
      5,
    ]);
  });

  it("refuses what is no transform, what cannot be sent, and addresses that are none", async () => {
    await expect(open("noFunction", 1).run(1)).rejects.toThrow("it has no function called noFunction");
    await expect(workerPool(new URL("./nope.js", module)).run(1)).rejects.toThrow(
      /\[workerPool\] .*nope\.js could not be loaded/,
    );
    await expect(open("fails", 1).run(() => {})).rejects.toThrow("[workerPool] the item cannot be sent to a thread");
    expect(() => workerPool("./transforms.js")).toThrow('./transforms.js is no address. Pass new URL("./transform.js"');
    expect(() => workerPool(module, { workers: 0 })).toThrow("workers is 0");
  });

  it("moves arrays on request, those that are parts of others excepted", async () => {
    for (const move of [false, true]) {
      const { whole, part } = await open<number, Record<string, Float32Array>>("moves", 1, move).run(100);
      expect([whole!.reduce((a, b) => a + b), part!.length]).toEqual([100, 100]);
    }
  });

  it("closed, it rejects what is under way and what comes after", async () => {
    const pool = open<SharedArrayBuffer, number>("forever", 1);
    const runs = [pool.run(counter()), pool.run(counter())];
    pool.close();
    for (const run of runs) await expect(run).rejects.toThrow("the pool was closed meanwhile");
    await expect(pool.run(counter())).rejects.toThrow("the pool is closed");
  });

  it("keeps no process alive, and works in one that runs TypeScript", async () => {
    const program = `
      import { workerPool } from "@fai/train";
      const pool = workerPool(${JSON.stringify(String(module))}, { workers: 2 });
      const values = await pool.run({ row: 1 });
      console.log(values.length);`;
    const tsx = import.meta.resolve("tsx");
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=@fai/source", "--import", tsx, "--input-type=module", "-e", program],
      { cwd: fileURLToPath(new URL("../..", import.meta.url)) },
    );
    expect(stdout.trim()).toBe("8");
  });
});

describe("as a stage of a loader", () => {
  const dataset = (pool: WorkerPool<Row, Float32Array>) =>
    new ItemDataset({
      length: 24,
      item: (row, epoch, signal) => pool.run({ row, epoch }, { signal }),
      collate: (items: readonly Float32Array[]) => ({ x: rowsOf(items), y: rowsOf(items) }),
    });
  const read = async (batches: AsyncIterable<{ x: Tensor }>) =>
    (await collect(batches)).map(async ({ x }) => [...(await x.data())]);

  it("the batches are the same bits for any number of threads, epoch by epoch", async () => {
    const runs = [];
    for (const workers of [1, 3]) {
      const loader = new DataLoader(dataset(open("default", workers)), { batchSize: 5, shuffle: true, seed: 1 });
      runs.push([await Promise.all(await read(loader)), await Promise.all(await read(loader))]);
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[0]![0]).not.toEqual(runs[0]![1]);
  });

  it("names the row that failed", async () => {
    const pool = open<number, number>("fails", 2);
    const failing = new ItemDataset({
      length: 6,
      item: (row) => pool.run(row),
      collate: (items: readonly number[]) => ({ x: items, y: items }),
    });
    await expect(collect(new DataLoader(failing, { batchSize: 2 }))).rejects.toThrow(
      /\[ItemDataset\] row 3 could not be read: \[workerPool\] .* failed: 3 is too much/,
    );
  });

  it("a stream goes through it", async () => {
    const pool = open<Row, Float32Array>("default", 2);
    const items = Array.from({ length: 7 }, (_, row) => ({ row }));
    const stream = new StreamLoader(() => pool.map(items), {
      length: 2,
      batchSize: 4,
      collate: (rows: readonly Float32Array[]) => ({ x: rowsOf(rows), y: rowsOf(rows) }),
    });
    const values = (await Promise.all(await read(stream))).flat();
    expect(values).toEqual(items.flatMap((item) => [...scramble(item)]));
  });

  it("Cancel ends what is under way: no thread goes on, and the pool is as good as new", async () => {
    const pool = open<Row, Float32Array>("default", 2);
    const learner = new Learner(
      { train: new DataLoader(dataset(pool), { batchSize: 4, prefetch: 3 }) },
      new Linear(8, 8),
      {
        loss: mse,
        callbacks: [
          {
            beforeBatch: () => {
              throw new Cancel("fit");
            },
          },
        ],
      },
    );
    await learner.fit(0.01);
    expect(pool.busy).toBe(0);
    expect(await pool.run({ row: 2 })).toEqual(scramble({ row: 2 }));

    const ticks = counter();
    const endless = open<SharedArrayBuffer, number>("forever", 2);
    const stuck = new ItemDataset({
      length: 8,
      item: (row, _, signal) => (row === 0 ? 0 : endless.run(ticks, { signal })),
      collate: (items: readonly number[]) => ({ x: items, y: items }),
    });
    for await (const _ of new DataLoader(stuck, { batchSize: 1 })) break;
    expect(endless.busy).toBe(0);
  });
});
