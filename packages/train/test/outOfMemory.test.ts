import { backend, manualSeed, OutOfMemoryError, openCpu, use } from "@fai/tensor";
import { Linear, mse, ReLU, Sequential } from "@fai/tensor/nn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ArrayDataset, DataLoader, fit, Learner, sgd } from "../src/index.js";

const before = backend();
beforeAll(async () => {
  use(await openCpu({ budgetBytes: 12 * 2 ** 20 }));
});
afterAll(async () => {
  await backend().close();
  use(before);
});

const rows = 4096;
const width = 200;
const x = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i));
const y = Float32Array.from({ length: rows }, (_, i) => Math.cos(i));

function makeModel() {
  manualSeed(0);
  return new Sequential(new Linear(width, 400), new ReLU(), new Linear(400, 1));
}

const dataset = new ArrayDataset({ x: { data: x, shape: [width] }, y: { data: y, shape: [1] } });

/** Trains with `batchSize`, then with what the error advises, until it fits; the sizes that were tried. */
async function followAdvice(train: (batchSize: number) => Promise<unknown>): Promise<number[]> {
  const tried: number[] = [];
  for (let size = rows; ; ) {
    tried.push(size);
    const error = await train(size).catch((e: unknown) => e);
    if (!(error instanceof Error)) return tried;
    expect(error).toBeInstanceOf(OutOfMemoryError);
    const advice = new RegExp(`A step on a batch of ${size} rows does not fit: set batchSize to (\\d+)`);
    expect(error.message).toMatch(advice);
    size = Number(advice.exec(error.message)![1]);
  }
}

describe("a batch that does not fit into memory", () => {
  test("is an error that says which would, and training goes on with that", async () => {
    const model = makeModel();
    const loader = (batchSize: number) => ({ train: new DataLoader(dataset, { batchSize }) });
    const learner = new Learner(loader(rows), model, { loss: mse, optimizer: sgd() });
    const weight = () => model.parameters()[0]!.value.data();
    const start = await weight();
    await expect(learner.fit(1e-3, { cycles: 1 })).rejects.toThrow(OutOfMemoryError);
    expect(await weight(), "nothing was updated").toEqual(start);
    const tried = await followAdvice((size) => {
      learner.setData(loader(size));
      return learner.fit(1e-3, { cycles: 1 });
    });
    expect(tried.length).toBeLessThanOrEqual(3);
    expect(tried.at(-1)).toBeGreaterThanOrEqual(256);
    expect(await weight()).not.toEqual(start);
  });

  test("in a bare fit, too", async () => {
    const model = makeModel();
    const tried = await followAdvice((batchSize) =>
      fit(
        model,
        { train: new DataLoader(dataset, { batchSize }) },
        { epochs: 1, optimizer: sgd({ lr: 1e-3 }), loss: mse },
      ),
    );
    expect(tried.length).toBeGreaterThan(1);
    expect(tried.length).toBeLessThanOrEqual(3);
  });
});
