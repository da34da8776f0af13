import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Generator, manualSeed, type Tensor, tensor } from "@fai/tensor";
import { crossEntropy, Linear, Module, mse, ReLU, Sequential } from "@fai/tensor/nn";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  ArrayDataset,
  accuracy,
  type Callback,
  Cancel,
  DataLoader,
  eventNames,
  Learner,
  progress,
  sgd,
} from "../src/index.js";

const rows = 240;
const columns = 4;

/** Points in two classes, apart by a line. */
function points() {
  const generator = new Generator(3);
  const x = Float32Array.from({ length: rows * columns }, () => generator.normal());
  const y = Int32Array.from({ length: rows }, (_, i) => (x[i * columns]! + x[i * columns + 1]! > 0 ? 1 : 0));
  const cut = (from: number, to: number) =>
    new ArrayDataset({
      x: { data: x.subarray(from * columns, to * columns), shape: [columns] },
      y: { data: y.subarray(from, to) },
    });
  return {
    train: new DataLoader(cut(0, 200), { batchSize: 20, shuffle: true, seed: 1 }),
    valid: new DataLoader(cut(200, rows), { batchSize: 16 }),
  };
}

function learner(callbacks: Callback[] = []) {
  manualSeed(5);
  const model = new Sequential(new Linear(columns, 16), new ReLU(), new Linear(16, 2));
  return new Learner(points(), model, {
    loss: crossEntropy,
    optimizer: sgd({ lr: 0.1, momentum: 0.9 }),
    metrics: { accuracy },
    callbacks,
  });
}

const weights = async (l: { model: { parameters(): { value: Tensor }[] } }) =>
  Promise.all(l.model.parameters().map(async (p) => [...(await p.value.data())]));

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "learner-"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => manualSeed(1));

describe("Learner", () => {
  it("learns, writes its history, and repeats bit for bit from the same seed", async () => {
    const run = async () => {
      const l = learner();
      const table = await l.fitOneCycle(0.2, { epochs: 4 });
      return { table: table.map(({ seconds, ...row }) => row), history: l.history, last: await weights(l) };
    };
    const first = await run();
    expect(first.table.at(-1)!.metrics.accuracy).toBeGreaterThan(0.9);
    expect(first.history.losses).toHaveLength(40);
    expect(first.history.lrs[0]).toBeCloseTo(0.2 / 25);
    expect(Math.max(...first.history.lrs)).toBeCloseTo(0.2);
    expect(first.history.momenta[10]).toBeCloseTo(0.85);
    const second = await run();
    expect(second.table).toEqual(first.table);
    expect(second.last).toEqual(first.last);
  });

  it("predicts probabilities in the order of the rows", async () => {
    const l = learner();
    await l.fit(0.1, { epochs: 2 });
    const { values, shape, targets } = await l.predictAll();
    expect(shape).toEqual([40, 2]);
    for (let i = 0; i < 40; i++) expect(values[i * 2]! + values[i * 2 + 1]!).toBeCloseTo(1, 5);
    const truth = (await Promise.all(targets.map((t) => t.data<"i32">()))).flatMap((t) => [...t]);
    const right = truth.filter((t, i) => (values[i * 2 + 1]! > values[i * 2]! ? 1 : 0) === t).length;
    expect(right / 40).toBeCloseTo((await l.validate()).metrics.accuracy!, 5);
    expect((await l.predict(tensor([[1, 1, 0, 0]]))).shape).toEqual([1, 2]);
  });

  it("saves and loads weights", async () => {
    const trained = learner();
    await trained.fit(0.1);
    const path = join(folder, "model.safetensors");
    await trained.save(path);
    const other = learner();
    await other.load(path);
    expect(await weights(other)).toEqual(await weights(trained));
    await expect(new Learner(points(), new Linear(columns, 2), { loss: crossEntropy }).load(path)).rejects.toThrow(
      /load/i,
    );
  });
});

describe("callbacks", () => {
  it("are called in the order of the events", async () => {
    const seen: string[] = [];
    const all = Object.fromEntries(
      eventNames.map((name) => [name, () => void (seen.at(-1) !== name && seen.push(name))]),
    ) as Callback;
    await learner([all]).fit(0.1);
    const batch = ["beforeBatch", "afterPredict", "afterLoss", "afterBackward", "afterStep", "afterBatch"];
    expect(seen.slice(0, 9)).toEqual(["beforeFit", "beforeEpoch", "beforeTrain", ...batch]);
    expect(seen.slice(-2)).toEqual(["afterEpoch", "afterFit"]);
    expect(seen.filter((n) => n === "beforeValidate")).toHaveLength(1);
  });

  it("change what the run uses", async () => {
    const doubled: Callback = { afterLoss: (run) => void (run.loss = run.loss.mul(0)) };
    const l = learner([doubled]);
    const before = await weights(l);
    await l.fit(0.1);
    expect(await weights(l)).toEqual(before);
    expect(l.history.losses.every((loss) => loss === 0)).toBe(true);
  });

  it("cancel a batch, an epoch, a fit; what comes after still comes", async () => {
    for (const phase of ["batch", "epoch", "fit"] as const) {
      let batches = 0;
      let ended = 0;
      const callback: Callback = {
        afterBackward: (run) => {
          if (run.batch === 3) throw new Cancel(phase);
        },
        afterStep: () => void batches++,
        afterFit: () => void ended++,
      };
      const l = learner([callback]);
      const table = await l.fit(0.1, { epochs: 2 });
      expect({ phase, batches, ended, rows: table.length }).toEqual(
        {
          batch: { phase, batches: 18, ended: 1, rows: 2 },
          epoch: { phase, batches: 6, ended: 1, rows: 0 },
          fit: { phase, batches: 3, ended: 1, rows: 0 },
        }[phase],
      );
    }
  });

  it("with a misspelt event are refused when the learner is made", () => {
    class Misspelt {
      afterBach() {}
      afterBatch() {}
    }
    expect(() => learner([new Misspelt()])).toThrow(
      /\[callback\] Misspelt has a member afterBach, which is no event. Is afterBatch meant\?/,
    );
  });
});

describe("errors", () => {
  it("stop at a loss that is not finite, with the parameters as after the last whole step", async () => {
    let before: number[][] = [];
    const l = learner([
      {
        beforeBatch: async (run) => {
          if (run.step === 4) {
            before = await weights(run.learner as ReturnType<typeof learner>);
            run.x = run.x.mul(Number.NaN);
          }
          if (run.step > 4) throw new Cancel("batch");
        },
      },
    ]);
    await expect(l.fit(0.1)).rejects.toThrow(/the training loss is not finite/);
    expect(await weights(l)).toEqual(before);
  });

  it("name a wrong rate or number of epochs", async () => {
    await expect(learner().fit(Number.NaN)).rejects.toThrow(/\[fit\] lr is NaN/);
    await expect(learner().fit(0.1, { epochs: 1.5 })).rejects.toThrow(/\[fit\] epochs is 1.5/);
    await expect(
      new Learner({ train: points().train }, new Linear(columns, 2), { loss: crossEntropy }).validate(),
    ).rejects.toThrow(/no validation set/);
  });
});

describe("progress", () => {
  it("writes rows only to files, and draws over a terminal's line", async () => {
    const write = async (isTTY: boolean) => {
      let text = "";
      await learner([progress({ stream: { isTTY, columns: 100, write: (t) => void (text += t) } })]).fit(0.1, {
        epochs: 2,
      });
      return text;
    };
    const plain = await write(false);
    expect(plain.trim().split("\n")).toHaveLength(3);
    expect(plain).toMatch(
      /^epoch {2}train loss {2}valid loss {2}accuracy {4}time\n {4}1 +0\.\d{4} +0\.\d{4} +[01]\.\d{4} +\d:\d\d\n/,
    );
    expect(plain).not.toContain("\r");
    expect(await write(true)).toMatch(/epoch 1\/2 █/);
  });
});

describe("types", () => {
  it("do not let mistakes compile", () => {
    const { train, valid } = points();
    const data = { train, valid };
    const model = new Linear(columns, 1);
    const compiled = () => {
      // @ts-expect-error: no such event
      new Learner(data, model, { loss: (o, t) => mse(o, t), callbacks: [{ afterBach: () => {} }] });
      // @ts-expect-error: no such option
      new Learner(data, model, { loss: (o, t) => mse(o, t), metric: { accuracy } });
      // @ts-expect-error: the data has one input, the model takes a record
      new Learner(data, new Pair(), { loss: (o, t) => mse(o, t) });
      const record = new DataLoader(
        new ArrayDataset({ x: { a: { data: new Float32Array(4) } }, y: { data: new Float32Array(4) } }),
      );
      // @ts-expect-error: the data gives only a part of the record
      new Learner({ train: record }, new Pair(), { loss: (o, t) => mse(o, t) });
    };
    expect(compiled).toBeTypeOf("function");
  });
});

/** A model of two inputs. */
class Pair extends Module<{ a: Tensor; b: Tensor }, Tensor> {
  forward({ a, b }: { a: Tensor; b: Tensor }): Tensor {
    return a.add(b);
  }
}
