import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualSeed, Parameter, type Tensor, tensor } from "@fai/tensor";
import { crossEntropy, Module } from "@fai/tensor/nn";
import { describe, expect, it, test } from "vitest";
import {
  ArrayDataset,
  accumulateGradients,
  adagrad,
  adam,
  adamW,
  type Callback,
  checkpoint,
  clipGradients,
  DataLoader,
  Learner,
  mixedPrecision,
  type OptimizerFactory,
  type Run,
  radam,
  rmsProp,
  sgd,
} from "../../src/index.js";
import { cellsOf, netLearner } from "../points.js";

const golden = JSON.parse(readFileSync(new URL("../golden/gradScaler.json", import.meta.url), "utf8")) as {
  overflows: number[];
  options: { lossScale: number; wait: number };
  start: number[];
  gradients: number[][];
  optimizers: Record<string, { values: number[][]; scales: number[] }>;
};

const optimizers: Record<string, OptimizerFactory> = {
  sgd: sgd({ momentum: 0.9, dampening: 0.3 }),
  adam: adam(),
  adamW: adamW({ weightDecay: 0.05 }),
  radam: radam(),
  rmsProp: rmsProp({ momentum: 0.5 }),
  adagrad: adagrad({ lrDecay: 0.2, initialSum: 0.1 }),
};

/** x times a parameter: the gradient of the sum is x. */
class Weights extends Module<Tensor, Tensor> {
  readonly weight = new Parameter(tensor(golden.start));
  forward(x: Tensor): Tensor {
    return x.mul(this.weight);
  }
}

/** Makes the gradients of some steps infinite, as an overflow does. */
const overflow = (steps: readonly number[]): Callback => ({
  order: -45,
  afterBackward: (run: Run) => {
    if (steps.includes(run.step))
      run.gradients = run.gradients.map((gradient) => gradient.add(Number.POSITIVE_INFINITY));
  },
});

/** A run over rows of x, one a step, without the steps in `left`; gives the parameter after each. */
async function follow(make: OptimizerFactory, callbacks: Callback[], left: readonly number[] = []) {
  const rows = golden.gradients.filter((_, t) => !left.includes(t));
  const x = { data: Float32Array.from(rows.flat()), shape: [5] };
  const data = new ArrayDataset({ x, y: x });
  const model = new Weights();
  const learner = new Learner({ train: new DataLoader(data, { batchSize: 1 }) }, model, {
    loss: (output: Tensor) => output.sum(),
    optimizer: make,
  });
  const values: number[][] = [];
  const watch: Callback = {
    order: 100,
    afterBatch: async () => void values.push([...(await model.weight.committed.data())]),
  };
  await learner.fit(0.1, { callbacks: [...callbacks, watch] });
  return { values, learner };
}

describe.each(Object.keys(optimizers))("%s", (name) => {
  it("skips the steps that PyTorch's GradScaler skips, and makes the same others", async () => {
    const { overflows, options } = golden;
    const mixed = mixedPrecision(options);
    const scales: number[] = [];
    const watch: Callback = { afterBatch: async () => void scales.push((await mixed.status()).lossScale) };
    const { values } = await follow(optimizers[name]!, [mixed, overflow(overflows), watch]);
    const expected = golden.optimizers[name]!;
    expect(scales).toEqual(expected.scales);
    expect(await mixed.status()).toEqual({ lossScale: expected.scales.at(-1), skipped: overflows.length });
    values.forEach((row, t) => {
      expect(row, `step ${t}`).toEqual(expected.values[t]!.map((v) => expect.closeTo(v, 4)));
    });
  });

  it("ends with the bits of a run that never had the batches of the skipped steps", async () => {
    const { overflows } = golden;
    const skipping = await follow(optimizers[name]!, [mixedPrecision(golden.options), overflow(overflows)]);
    const without = await follow(optimizers[name]!, [mixedPrecision(golden.options)], overflows);
    expect(skipping.values.at(-1)).toEqual(without.values.at(-1));
    const states = await Promise.all([skipping, without].map(({ learner }) => learner.optimizer.state()));
    expect(states[0]).toEqual(states[1]);
    expect(states[0]!.parameters[0]!.steps).toBe(golden.gradients.length - overflows.length);
    for (const t of overflows.filter((step) => step > 0)) expect(skipping.values[t]).toEqual(skipping.values[t - 1]);
  });
});

describe("mixed precision", () => {
  const train = async (callbacks: Callback[]) => {
    const learner = netLearner({ optimizer: adam() });
    manualSeed(7);
    await learner.fitOneCycle(0.03, { epochs: 3, callbacks });
    return learner;
  };

  it("follows training in f32, reports losses without their scale, and validates as it trains", async () => {
    const plain = (await train([])).history;
    const outputs = new Set<string>();
    const look: Callback = {
      afterPredict: (run) => void outputs.add(`${run.training} ${(run.output as Tensor).dtype}`),
    };
    const { history } = await train([mixedPrecision({ lossScale: 2 ** 10 }), look]);
    expect([...outputs].sort()).toEqual(["false f32", "true f32"]);
    expect(history.losses).toHaveLength(plain.losses.length);
    for (const [i, loss] of history.losses.entries()) expect(Math.abs(loss - plain.losses[i]!)).toBeLessThan(0.03);
    expect(history.losses).not.toEqual(plain.losses);
    expect(history.rows.at(-1)!.validLoss).toBeCloseTo(plain.rows.at(-1)!.validLoss, 1);
  });

  it("clips gradients without their scale, also after a step that it skipped", async () => {
    const scaled = mixedPrecision({ lossScale: 2 ** 12 });
    const norms: number[] = [];
    const look: Callback = {
      order: 1,
      afterBackward: async (run) => {
        const total = run.gradients.map((g) => g.square().sum()).reduce((a, b) => a.add(b));
        norms.push(Math.sqrt(await total.item()));
      },
    };
    await train([scaled, overflow([2]), clipGradients({ norm: 0.05 }), look]);
    expect(norms[2]).toBe(0);
    for (const norm of norms) expect(norm).toBeLessThan(0.0501);
    expect(Math.max(...norms)).toBeGreaterThan(0.04);
  });

  it("checks what gradients add up to, and forgets a sum that is not finite", async () => {
    const mixed = mixedPrecision({ lossScale: 2 ** 10 });
    // Of the fifth step, whose batches are 8 and 9, the first overflows; the sum is made of both.
    const learner = await train([mixed, { ...overflow([8]), order: -60 }, accumulateGradients(2)]);
    expect(await mixed.status()).toEqual({ lossScale: 2 ** 9, skipped: 1 });
    expect(learner.history.losses.every(Number.isFinite)).toBe(true);
  });

  it("leaves frozen layers alone, and counts the steps of those that join later from their first", async () => {
    const learner = netLearner({ optimizer: adam() });
    learner.freeze();
    const before = await cellsOf(learner.model);
    const unfreeze: Callback = { beforeEpoch: (run) => void (run.epoch === 1 && learner.unfreeze()) };
    const mixed = mixedPrecision({ lossScale: 2 ** 10 });
    const steps: Callback = {
      afterEpoch: async (run) => void counts.push((await run.optimizer.state()).parameters.map((p) => p.steps)),
    };
    const counts: number[][] = [];
    const frozen: Callback = {
      afterEpoch: async (run) => {
        const now = await cellsOf(learner.model);
        if (run.epoch === 0) expect(now["stem.weight"]).toEqual(before["stem.weight"]);
      },
    };
    await learner.fit(0.01, { epochs: 2, callbacks: [mixed, overflow([0, 12]), unfreeze, steps, frozen] });
    const names = learner.model.namedParameters().map(([name]) => name);
    const head = names.map((name) => name.startsWith("head"));
    expect(counts[0]).toEqual(head.map((isHead) => (isHead ? 9 : 0)));
    expect(counts[1]).toEqual(head.map((isHead) => (isHead ? 18 : 9)));
  });

  it("goes on from a checkpoint with the same bits, scale and all", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mixed-"));
    try {
      const run = async (path: string | undefined, last = Number.POSITIVE_INFINITY) => {
        const fault: Callback = {
          order: 2e4,
          afterBatch: (run) => {
            if (run.training && run.step + 1 === last) throw new Error("power cut");
          },
        };
        const mixed = mixedPrecision({ wait: 4 });
        const saving = path ? [checkpoint(path, { every: 3 })] : [];
        const learner = await train([mixed, overflow([8, 19]), fault, ...saving]);
        return { losses: learner.history.losses, cells: await cellsOf(learner.model), status: await mixed.status() };
      };
      const whole = await run(undefined);
      expect(whole.status.skipped).toBeGreaterThan(2);
      for (const last of [1, 4, 10, 20, 29]) {
        const path = join(folder, `${last}.safetensors`);
        await expect(run(path, last)).rejects.toThrow("power cut");
        expect(await run(path)).toEqual(whole);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("of a fixed scale ends with an error where gradients overflow, and of any scale when nothing helps", async () => {
    const fixed = netLearner();
    await expect(
      fixed.fit(0.1, { callbacks: [mixedPrecision({ dynamic: false, lossScale: 8 }), overflow([1])] }),
    ).rejects.toThrow("[checkFinite] a gradient at the loss scale 8 is not finite");
    const endless = Array.from({ length: 100 }, (_, t) => t);
    const learner = netLearner({}, 100);
    const before = await cellsOf(learner.model);
    await expect(learner.fit(0.1, { callbacks: [mixedPrecision(), overflow(endless)] })).rejects.toThrow(
      "[checkFinite] a gradient, at any loss scale, is not finite",
    );
    expect((await cellsOf(learner.model))["stem.weight"]).toEqual(before["stem.weight"]);
    expect(learner.history.losses.length).toBeLessThan(45);
  });

  test.each([
    [{ lossScale: 0 }, "[mixedPrecision] lossScale is 0, expected a number from 2^-14 to 2^126."],
    [{ factor: 1 }, "[mixedPrecision] factor is 1, expected a number above 1."],
    [{ wait: 0 }, "[mixedPrecision] wait is 0, expected a whole number of at least 1."],
  ])("refuses %o", (options, message) => {
    expect(() => mixedPrecision(options)).toThrow(message);
  });

  it("finds a learning rate, and leaves the model as it was", async () => {
    const learner = netLearner({ callbacks: [mixedPrecision()], loss: crossEntropy });
    const before = await cellsOf(learner.model);
    const { lr } = await learner.lrFind();
    expect(lr.length).toBeGreaterThan(20);
    expect(await cellsOf(learner.model)).toEqual(before);
  });
});
