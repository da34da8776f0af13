import { beforeEach, expect, test } from "vitest";
import { NullBackend } from "../src/backends/null/null.js";
import { discard, explainPlan, gradients, leaf, Parameter, type Tensor, use } from "../src/index.js";
import {
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  GRU,
  LayerNorm,
  Linear,
  LSTM,
  Module,
  type RecurrentOutput,
  RNN,
} from "../src/nn/index.js";

/** A tensor that somebody gives: nothing about it is computed. */
const given = (...shape: number[]) =>
  new Parameter(leaf(new Float32Array(shape.reduce((n, d) => n * d, 1)), shape, "f32"));

/** Gradients of `y` by its inputs, as if more layers followed it. */
const backward = (y: Tensor, of: readonly (Tensor | Parameter)[]) =>
  gradients(y, of, { seed: given(...y.shape).value });

class Block extends Module<Tensor, Tensor> {
  readonly conv1 = new Conv2d(64, 64, { kernelSize: 3, padding: 1, bias: false });
  readonly bn1 = new BatchNorm2d(64);
  readonly conv2 = new Conv2d(64, 64, { kernelSize: 3, padding: 1, bias: false });
  readonly bn2 = new BatchNorm2d(64);

  forward(x: Tensor): Tensor {
    const y = this.bn1.call(this.conv1.call(x)).relu();
    return this.bn2.call(this.conv2.call(y)).add(x).relu();
  }
}

/** What is computed, and in how many kernels. */
const cases: [name: string, kernels: number, build: () => Tensor[]][] = [
  ["softmax", 3, () => [given(64, 100).value.softmax()]],
  [
    "softmax, forward and back",
    5,
    () => {
      const x = given(64, 100);
      const y = x.value.softmax();
      return [y, ...backward(y, [x])];
    },
  ],
  [
    "cross-entropy, forward and back",
    11,
    () => {
      const x = given(64, 10);
      const loss = crossEntropy(x, leaf(new Int32Array(64), [64], "i32"));
      return [loss, ...gradients(loss, [x])];
    },
  ],
  ["layer norm", 4, () => [new LayerNorm(128).call(given(64, 128).value)]],
  [
    "layer norm, forward and back",
    9,
    () => {
      const [norm, x] = [new LayerNorm(128), given(64, 128)];
      const y = norm.call(x.value);
      return [y, ...backward(y, [x, ...norm.parameters()])];
    },
  ],
  ["batch norm in inference", 2, () => [new BatchNorm2d(64).eval().call(given(8, 64, 14, 14).value)]],
  [
    "batch norm in training, with its running statistics",
    8,
    () => [new BatchNorm2d(64).call(given(8, 64, 14, 14).value)],
  ],
  [
    "batch norm in training, forward and back",
    12,
    () => {
      const [norm, x] = [new BatchNorm2d(64), given(8, 64, 14, 14)];
      const y = norm.call(x.value);
      return [y, ...backward(y, [x, ...norm.parameters()])];
    },
  ],
  ["a linear layer with ReLU", 2, () => [new Linear(100, 50).call(given(64, 100).value).relu()]],
  ["a resnet block in inference", 7, () => [new Block().eval().call(given(8, 64, 14, 14).value)]],
  ["a resnet block in training", 19, () => [new Block().call(given(8, 64, 14, 14).value)]],
  [
    "a resnet block in training, forward and back",
    32,
    () => {
      const [block, x] = [new Block(), given(8, 64, 14, 14)];
      const y = block.call(x.value);
      return [y, ...backward(y, [x, ...block.parameters()])];
    },
  ],
];

beforeEach(() => {
  discard();
  use(new NullBackend());
});

const kernelsOf = (plan: string) => Number(/^(\d+) kernels,/m.exec(plan)![1]);

/** The number changes when the planner does: a smaller one is a gain to write down, a larger one a loss to explain. */
test.each(cases)("%s: %i kernels", (_, kernels, build) => {
  const plan = explainPlan(...build());
  expect(kernelsOf(plan), plan).toBe(kernels);
});

test.each<[string, () => Module<Tensor, RecurrentOutput<unknown>>]>([
  ["RNN", () => new RNN(8, 16)],
  ["GRU", () => new GRU(8, 16)],
  ["LSTM", () => new LSTM(8, 16) as Module<Tensor, RecurrentOutput<unknown>>],
])("every further step of %s takes two products and two maps, forward and back", (_, build) => {
  const [net, loss] = [build(), new Linear(16, 4)];
  const plan = (steps: number) => {
    const x = given(steps, 4, 8);
    const y = loss.call(net.call(x.value).output);
    return explainPlan(y, ...backward(y, [x, ...net.parameters()]));
  };
  expect(kernelsOf(plan(9)) - kernelsOf(plan(6)), plan(9)).toBe(3 * 4);
});
