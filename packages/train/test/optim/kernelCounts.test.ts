import { discard, explainPlan, leaf, Parameter, use } from "@fai/tensor";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NullBackend } from "../../../tensor/src/backends/null/null.js";
import { clipGradNorm } from "../../src/clipGradNorm.js";
import { adam } from "../../src/optim/adam.js";
import type { OptimizerFactory } from "../../src/optim/optimizer.js";
import { sgd } from "../../src/optim/sgd.js";

const given = (...shape: number[]) =>
  new Parameter(leaf(new Float32Array(shape.reduce((n, d) => n * d, 1)), shape, "f32"));

beforeEach(() => {
  discard();
  use(new NullBackend());
});
afterEach(() => discard());

/** Parameters and what they remember are read and written once, in one kernel a parameter. */
test.each<[string, OptimizerFactory, number, number]>([
  ["sgd", sgd({ lr: 0.1 }) as OptimizerFactory, 0, 2],
  ["sgd with momentum and weight decay", sgd({ lr: 0.1, momentum: 0.9, weightDecay: 0.1 }) as OptimizerFactory, 0, 2],
  ["sgd with Nesterov's momentum", sgd({ lr: 0.1, momentum: 0.9, nesterov: true }) as OptimizerFactory, 0, 2],
  ["adam", adam({ lr: 0.1 }) as OptimizerFactory, 0, 2],
  ["adam after clipping", adam({ lr: 0.1 }) as OptimizerFactory, 1, 6],
])("%s, two parameters", (_, factory, maxNorm, kernels) => {
  const parameters = [given(64, 10), given(10)];
  const gradients = [given(64, 10).value, given(10).value];
  factory(parameters).step(maxNorm > 0 ? clipGradNorm(gradients, maxNorm).gradients : gradients);
  const plan = explainPlan();
  expect(Number(/^(\d+) kernels,/m.exec(plan)![1]), plan).toBe(kernels);
});
