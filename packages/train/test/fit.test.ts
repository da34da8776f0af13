import { backend, Generator, leaf, manualSeed, type Tensor } from "@fai/tensor";
import { BatchNorm1d, crossEntropy, Dropout, Linear, Module, mse } from "@fai/tensor/nn";
import { describe, expect, expectTypeOf, it, vi } from "vitest";
import { ArrayDataset } from "../src/data/dataset.js";
import { DataLoader } from "../src/data/loader.js";
import { type FitProgress, fit, validate } from "../src/fit.js";
import { accuracy } from "../src/metrics.js";
import { adam } from "../src/optim/adam.js";
import { sgd } from "../src/optim/sgd.js";

/** Points [2] in three groups around the corners of a triangle. */
function points(count: number, seed: number) {
  const generator = new Generator(seed);
  const x = new Float32Array(2 * count);
  const y = Int32Array.from({ length: count }, () => generator.below(3));
  y.forEach((group, i) => {
    x[2 * i] = Math.cos(group * 2.1) + 0.3 * generator.normal();
    x[2 * i + 1] = Math.sin(group * 2.1) + 0.3 * generator.normal();
  });
  return new ArrayDataset({ x: { data: x, shape: [2] }, y: { data: y } });
}

class Net extends Module<Tensor, Tensor> {
  readonly first = new Linear(2, 16);
  readonly norm = new BatchNorm1d(16);
  readonly drop = new Dropout(0.1);
  readonly last = new Linear(16, 3);

  forward(x: Tensor): Tensor {
    return this.last.call(this.drop.call(this.norm.call(this.first.call(x).relu())));
  }
}

const loaders = () => ({
  train: new DataLoader(points(300, 1), { batchSize: 32, shuffle: true, seed: 1 }),
  valid: new DataLoader(points(70, 2), { batchSize: 32 }),
});

function train(epochs = 4) {
  manualSeed(1);
  const model = new Net();
  const rows = fit(model, loaders(), {
    epochs,
    optimizer: adam({ lr: 0.02 }),
    loss: crossEntropy,
    metrics: { accuracy },
    clipNorm: 5,
  });
  return { model, rows };
}

describe("fit", () => {
  it("learns, and says how it went", async () => {
    const { model, rows: promise } = train();
    const rows = await promise;
    expectTypeOf(rows[0]!.metrics.accuracy).toEqualTypeOf<number | undefined>();
    expect(rows.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    expect(rows.at(-1)!.metrics.accuracy).toBeGreaterThan(0.95);
    expect(rows.at(-1)!.validLoss).toBeLessThan(0.2);
    expect(rows.at(-1)!.trainLoss).toBeLessThan(rows[0]!.trainLoss);
    expect(model.modules().every(({ training }) => !training)).toBe(true);
  });

  it("gives the same numbers for the same seed", async () => {
    const strip = async () => (await train(2).rows).map(({ seconds, ...row }) => row);
    expect(await strip()).toEqual(await strip());
  });

  it("smooths the training loss as fastai does, and averages validation by rows", async () => {
    const model = new Linear(1, 1);
    model.weight.load(leaf(Float32Array.of(0), [1, 1], "f32"));
    model.bias!.load(leaf(Float32Array.of(0), [1], "f32"));
    const targets = [1, 2, 3, 4, 5];
    const data = new ArrayDataset({
      x: { data: new Float32Array(5), shape: [1] },
      y: { data: Float32Array.from(targets), shape: [1] },
    });
    const batches = new DataLoader(data, { batchSize: 2 });
    const [row] = await fit(
      model,
      { train: batches, valid: batches },
      { epochs: 1, optimizer: sgd({ lr: 0 }), loss: mse },
    );
    const losses = [(1 + 4) / 2, (9 + 16) / 2, 25];
    const average = losses.reduce((mean, loss) => mean * 0.98 + loss * 0.02, 0);
    expect(row!.trainLoss).toBeCloseTo(average / (1 - 0.98 ** 3), 5);
    expect(row!.validLoss).toBeCloseTo((1 + 4 + 9 + 16 + 25) / 5, 5);
    expect(row!.metrics).toEqual({});
  });

  it("tells a schedule where it stands", async () => {
    const seen: [number, number, number][] = [];
    const onBatch = ({ epoch, step, steps, optimizer }: FitProgress) => {
      seen.push([epoch, step, steps]);
      optimizer.lr = 0.1 / (1 + step);
    };
    const optimizer = sgd({ lr: 1 });
    await fit(
      new Net(),
      { train: new DataLoader(points(50, 1), { batchSize: 20 }) },
      { epochs: 2, optimizer, loss: crossEntropy, onBatch },
    );
    expect(seen).toEqual([0, 0, 0, 1, 1, 1].map((epoch, step) => [epoch, step, 6]));
  });

  it("leaves frozen layers alone", async () => {
    const model = new Net();
    model.first.freeze();
    const before = await model.first.weight.value.data();
    const last = await model.last.weight.value.data();
    await fit(model, loaders(), { epochs: 1, optimizer: adam({ lr: 0.1 }), loss: crossEntropy });
    expect(await model.first.weight.value.data()).toEqual(before);
    expect(await model.last.weight.value.data()).not.toEqual(last);
  });

  it("keeps timers alive", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    // Steps this small may take less than the millisecond of a timer: as many as it takes to see three turns.
    for (let run = 0; turns < 3 && run < 50; run++) await train(3).rows;
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(3);
  });

  it("owns no more device memory after a second run", async () => {
    const model = new Net();
    const once = () =>
      fit(model, loaders(), { epochs: 1, optimizer: sgd({ lr: 0.01 }), loss: crossEntropy, metrics: { accuracy } });
    await once();
    const { allocatedBytes } = backend().memory();
    await once();
    expect(backend().memory().allocatedBytes).toBe(allocatedBytes);
  });

  it("does not compile for a model of other inputs, or a loss of other targets", () => {
    class Pair extends Module<{ a: Tensor; b: Tensor }, Tensor> {
      forward({ a }: { a: Tensor }): Tensor {
        return a;
      }
    }
    const options = { epochs: 1, optimizer: sgd({ lr: 1 }), loss: crossEntropy };
    // @ts-expect-error the data has tensors, the model takes records
    const wrongInput = () => fit(new Pair(), loaders(), options);
    const loss = (y: Tensor, target: { label: Tensor }) => crossEntropy(y, target.label);
    // @ts-expect-error the targets are tensors
    const wrongTarget = () => fit(new Net(), loaders(), { ...options, loss });
    expect([wrongInput, wrongTarget]).toHaveLength(2);
  });
});

describe("errors", () => {
  it("a loss that is NaN stops the fit, and the batch changes nothing", async () => {
    const data = new ArrayDataset({
      x: { data: Float32Array.of(1, 2, Number.NaN, 4), shape: [1] },
      y: { data: new Float32Array(4), shape: [1] },
    });
    const model = new Linear(1, 1);
    const seen: number[][] = [];
    const onBatch = vi.fn(() => {
      void model.weight.value.data().then((values) => seen.push([...values]));
    });
    const run = fit(
      model,
      { train: new DataLoader(data, { batchSize: 1 }) },
      { epochs: 1, optimizer: sgd({ lr: 0.1 }), loss: mse, onBatch },
    );
    await expect(run).rejects.toThrow(
      "[checkFinite] the training loss is not finite (NaN or infinite); nothing was updated. Lower the learning rate, clip gradients, or look for bad input.",
    );
    expect(seen[3]).toEqual(seen[2]);
    expect([...(await model.weight.value.data())].every(Number.isFinite)).toBe(true);
    expect(model.training).toBe(false);
  });

  it("an error in the model leaves nothing queued", async () => {
    const model = new Net();
    const mean = await model.norm.runningMean!.value.data();
    const loss = () => {
      throw new Error("a loss of the user's");
    };
    await expect(fit(model, loaders(), { epochs: 1, optimizer: sgd({ lr: 1 }), loss })).rejects.toThrow(
      "a loss of the user's",
    );
    expect(await model.norm.runningMean!.value.data()).toEqual(mean);
  });

  it.each([-1, 1.5, Number.NaN])("%s epochs", async (epochs) => {
    const run = fit(new Net(), loaders(), { epochs, optimizer: sgd({ lr: 1 }), loss: crossEntropy });
    await expect(run).rejects.toThrow(`[fit] epochs is ${epochs}, expected a whole number of at least 0.`);
  });

  it("an accuracy of targets that do not fit", async () => {
    const wrong = (output: Tensor, target: Tensor) => accuracy(output, target.unsqueeze(1));
    const run = validate(new Net(), loaders().valid, { loss: crossEntropy, metrics: { wrong } });
    await expect(run).rejects.toThrow(
      "[accuracy] outputs [32, 3] with targets [32, 1]: expected [..., classes] and [...].",
    );
  });
});
