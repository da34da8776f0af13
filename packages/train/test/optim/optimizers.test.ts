import { readFileSync } from "node:fs";
import { discard, leaf, Parameter, realize, type Tensor } from "@fai/tensor";
import { beforeEach, describe, expect, it, test } from "vitest";
import { clipGradNorm } from "../../src/clipGradNorm.js";
import { adagrad } from "../../src/optim/adagrad.js";
import { adam, adamW } from "../../src/optim/adam.js";
import type { Optimizer, OptimizerFactory } from "../../src/optim/optimizer.js";
import { radam } from "../../src/optim/radam.js";
import { rmsProp } from "../../src/optim/rmsProp.js";
import { sgd } from "../../src/optim/sgd.js";

const factories = { sgd, adam, adamW, rmsProp, adagrad, radam };

interface Golden {
  shapes: number[][];
  readAfter: number[];
  start: number[][];
  gradients: number[][][];
  cases: {
    optimizer: keyof typeof factories;
    options: { lr: number };
    values: number[][][];
    state: Record<string, number[][]>;
  }[];
  clip: { step: number; maxNorm: number; norm: number; gradients: number[][] }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL("../golden/optimizers.json", import.meta.url), "utf8"));

const host = (values: number[], i: number): Tensor => leaf(Float32Array.from(values), golden.shapes[i]!, "f32");
const fresh = () => golden.start.map((values, i) => new Parameter(host(values, i), `p${i}`));
const gradientsOf = (step: number) => golden.gradients[step]!.map(host);
const factory = (name: keyof typeof factories, options: { lr: number }): OptimizerFactory =>
  factories[name](options) as OptimizerFactory;

/** Within 1e-6 of PyTorch's numbers, relative to the largest of them: a value that crosses zero keeps the rounding of its steps. */
async function expectClose(actual: (Tensor | Float32Array)[], expected: number[][]): Promise<void> {
  const scale = expected.flat().reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  for (const [k, found] of actual.entries()) {
    const data = found instanceof Float32Array ? found : await found.data();
    expect(data.length).toBe(expected[k]!.length);
    for (const [i, value] of data.entries()) {
      expect(Math.abs(value - expected[k]![i]!)).toBeLessThanOrEqual(1e-6 * scale);
    }
  }
}

async function run(optimizer: Optimizer, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) {
    optimizer.step(gradientsOf(step));
    await realize();
  }
}

beforeEach(() => discard());

describe("100 steps as PyTorch makes them", () => {
  test.each(golden.cases.map((row) => [`${row.optimizer} ${JSON.stringify(row.options)}`, row] as const))(
    "%s",
    async (_, row) => {
      const parameters = fresh();
      const optimizer = factory(row.optimizer, row.options)(parameters);
      let done = 0;
      for (const [k, step] of golden.readAfter.entries()) {
        await run(optimizer, done, step);
        done = step;
        await expectClose(
          parameters.map(({ value }) => value),
          row.values[k]!,
        );
      }
      const { parameters: states } = await optimizer.state();
      for (const [name, expected] of Object.entries(row.state)) {
        await expectClose(
          states.map(({ cells }) => cells[name]!),
          expected,
        );
      }
    },
  );
});

test.each(golden.clip)(
  "clipGradNorm to $maxNorm as PyTorch's clip_grad_norm_",
  async ({ step, maxNorm, norm, gradients }) => {
    const clipped = clipGradNorm(gradientsOf(step), maxNorm);
    await expectClose([clipped.norm], [[norm]]);
    await expectClose(clipped.gradients, gradients);
  },
);

describe("an optimizer", () => {
  const case0 = golden.cases.find((row) => row.optimizer === "adam")!;
  const end = async (parameters: Parameter[]) => Promise.all(parameters.map((parameter) => parameter.value.data()));

  it("goes on from a saved state, bit for bit", async () => {
    const straight = fresh();
    await run(adam(case0.options)(straight), 0, 20);

    const first = fresh();
    const interrupted = adam(case0.options)(first);
    await run(interrupted, 0, 9);
    const saved = structuredClone(await interrupted.state());
    const second = (await end(first)).map(
      (values, i) => new Parameter(leaf(values, golden.shapes[i]!, "f32"), `p${i}`),
    );
    const resumed = adam(case0.options)(second);
    resumed.load(saved);
    await run(resumed, 9, 20);
    expect(await end(second)).toEqual(await end(straight));
    expect((await resumed.state()).parameters.map(({ steps }) => steps)).toEqual([20, 20, 20]);
  });

  it("forgets a step that was discarded", async () => {
    const straight = fresh();
    await run(adam(case0.options)(straight), 0, 3);

    const parameters = fresh();
    const optimizer = adam(case0.options)(parameters);
    await run(optimizer, 0, 2);
    optimizer.step(gradientsOf(9));
    discard();
    await run(optimizer, 2, 3);
    expect(await end(parameters)).toEqual(await end(straight));
  });

  it("leaves frozen parameters alone and trains them once they are free", async () => {
    const parameters = fresh();
    parameters[1]!.trainable = false;
    const optimizer = sgd({ lr: 0.1, momentum: 0.9 })(parameters);
    const step = async (k: number) => {
      const found = gradientsOf(k);
      optimizer.step(optimizer.trainable().map((parameter) => found[parameters.indexOf(parameter)]!));
      await realize();
    };
    await step(0);
    expect([...(await parameters[1]!.value.data())]).toEqual(golden.start[1]);
    expect(optimizer.trainable()).toEqual([parameters[0], parameters[2]]);
    parameters[1]!.trainable = true;
    await step(1);
    const expected = golden.start[1]!.map((value, i) => value - 0.1 * golden.gradients[1]![1]![i]!);
    await expectClose([parameters[1]!.value], [expected]);
  });

  it("takes a new learning rate without a new plan", async () => {
    const { planStatistics } = await import("@fai/tensor");
    const optimizer = adam({ lr: 0.1, weightDecay: 0.1 })(fresh());
    await run(optimizer, 0, 2);
    const { misses } = planStatistics();
    for (let step = 2; step < 12; step++) {
      optimizer.lr = 0.1 / step;
      optimizer.options.betas = [0.9 - step / 100, 0.99];
      await run(optimizer, step, step + 1);
    }
    expect(planStatistics().misses).toBe(misses);
  });
});

describe("errors", () => {
  const parameters = fresh();
  const gradients = gradientsOf(0);
  const optimizer = sgd({ lr: 0.1 })(parameters);
  const otherModel = {
    parameters: parameters.map(({ name }) => ({ name, steps: 1, cells: { momentum: new Float32Array(7) } })),
  };
  test.each<[string, () => unknown, string]>([
    [
      "no parameters",
      () => sgd({ lr: 0.1 })([]),
      "[optimizer] there are no parameters to train. Does the model keep its layers in fields or arrays?",
    ],
    [
      "a parameter twice",
      () => sgd({ lr: 0.1 })([parameters[0]!, parameters[0]!]),
      "[optimizer] a parameter is listed twice. List tied weights once, as model.parameters() does?",
    ],
    ["a negative rate", () => sgd({ lr: -1 }), "[sgd] lr is -1, expected a number of at least 0."],
    [
      "nesterov alone",
      () => sgd({ lr: 1, nesterov: true }),
      "[sgd] nesterov looks ahead along the momentum: it needs a momentum above 0 and no dampening, got 0 and 0.",
    ],
    [
      "a beta of 1",
      () => adam({ lr: 1, betas: [0.9, 1] }),
      "[adam] betas are [0.9, 1], expected numbers from 0 to below 1.",
    ],
    [
      "too few gradients",
      () => optimizer.step(gradients.slice(1)),
      "[step] 2 gradients for 3 parameters that are not frozen. Ask for gradients(loss, optimizer.trainable())?",
    ],
    [
      "another order",
      () => optimizer.step([...gradients].reverse()),
      "[step] the gradient of p0 is f32 [], expected f32 [3, 4]. Are the gradients in the order of optimizer.trainable()?",
    ],
    [
      "a rate that is no number",
      () => {
        const broken = sgd({ lr: 0.1 })(parameters);
        broken.lr = Number.NaN;
        broken.step(gradients);
      },
      "[step] lr is NaN, expected a number. Does the schedule divide by zero?",
    ],
    [
      "a state of fewer parameters",
      () => optimizer.load({ parameters: [] }),
      "[load] the state is of 0 parameters, the optimizer has 3. Was it saved from another model?",
    ],
    [
      "a state of other shapes",
      () => optimizer.load(otherModel),
      "[load] momentum of p0 has 7 elements, p0 [3, 4] has 12. Was it saved from another model?",
    ],
    ["a limit of 0", () => clipGradNorm(gradients, 0), "[clipGradNorm] maxNorm is 0, expected a number above 0."],
    [
      "nothing to clip",
      () => clipGradNorm([], 1),
      "[clipGradNorm] there are no gradients to clip. Is every parameter frozen?",
    ],
  ])("%s", (_, act, message) => expect(act).toThrow(new RegExp(`^${message.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`)));

  test("an infinite norm stops the step", async () => {
    const parameter = new Parameter(leaf(Float32Array.of(1, 2), [2], "f32"), "weight");
    const { gradients } = clipGradNorm([leaf(Float32Array.of(1, Number.POSITIVE_INFINITY), [2], "f32")], 1);
    sgd({ lr: 0.1 })([parameter]).step(gradients);
    await expect(realize()).rejects.toThrow("[checkFinite] the norm of the gradients is not finite");
    expect([...(await parameter.value.data())]).toEqual([1, 2]);
  });
});
