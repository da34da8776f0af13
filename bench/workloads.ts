import { concat, gradients, type Tensor, tensor } from "@fai/tensor";
import {
  AdaptiveAvgPool2d,
  AdaptiveMaxPool2d,
  type AnyModule,
  BatchNorm1d,
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Dropout,
  Embedding,
  Flatten,
  GRU,
  Linear,
  LSTM,
  MaxPool2d,
  Module,
  mse,
  ReLU,
  RNN,
  Sequential,
} from "@fai/tensor/nn";
import { adam, clipGradNorm, type Optimizer, sgd } from "@fai/train";

/*
 * One training step of each workload of the course, as bench/steps.py has them in PyTorch. A step builds the graph, plans it, runs forward,
 * backward and update, and has the loss on the host.
 */

/** One step; the loss (or one number of the output) is on the host when it resolves. */
export type RunStep = () => Promise<number>;

let state = 1;
/** Uniform in [0, 1): the values do not matter, only that they are the same in every run. */
function uniform(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
function real(...shape: number[]): Tensor {
  return tensor(
    Float32Array.from({ length: size(shape) }, () => (uniform() - 0.5) * 3.4),
    { shape },
  );
}
function whole(below: number, ...shape: number[]): Tensor {
  return tensor(
    Int32Array.from({ length: size(shape) }, () => Math.floor(uniform() * below)),
    { shape },
  );
}
const size = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

function trainStep(model: AnyModule, optimizer: Optimizer, loss: () => Tensor, clip?: number): RunStep {
  model.train();
  return async () => {
    const value = loss();
    const found = gradients(value, optimizer.trainable());
    optimizer.step(clip === undefined ? found : clipGradNorm(found, clip).gradients);
    return value.item();
  };
}

class Block extends Module<Tensor, Tensor> {
  readonly c1: Conv2d;
  readonly b1: BatchNorm2d;
  readonly c2: Conv2d;
  readonly b2: BatchNorm2d;
  readonly d: Sequential<readonly [Conv2d, BatchNorm2d]> | undefined;

  constructor(i: number, o: number, stride: number) {
    super();
    this.c1 = new Conv2d(i, o, { kernelSize: 3, stride, padding: 1, bias: false });
    this.b1 = new BatchNorm2d(o);
    this.c2 = new Conv2d(o, o, { kernelSize: 3, padding: 1, bias: false });
    this.b2 = new BatchNorm2d(o);
    const same = stride === 1 && i === o;
    this.d = same
      ? undefined
      : new Sequential(new Conv2d(i, o, { kernelSize: 1, stride, bias: false }), new BatchNorm2d(o));
  }
  forward(x: Tensor): Tensor {
    const inner = this.b1.call(this.c1.call(x)).relu();
    return this.b2
      .call(this.c2.call(inner))
      .add(this.d ? this.d.call(x) : x)
      .relu();
  }
}

function resnet34(): Module<Tensor, Tensor> {
  const blocks: Block[] = [];
  let i = 64;
  [3, 4, 6, 3].forEach((count, k) => {
    const o = 64 << k;
    for (let j = 0; j < count; j++) {
      blocks.push(new Block(i, o, j === 0 && k > 0 ? 2 : 1));
      i = o;
    }
  });
  const stem = new Sequential(
    new Conv2d(3, 64, { kernelSize: 7, stride: 2, padding: 3, bias: false }),
    new BatchNorm2d(64),
    new ReLU(),
    new MaxPool2d(3, { stride: 2, padding: 1 }),
  );
  const head = new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), new Linear(512, 10));
  return new Sequential(stem, new Sequential(...blocks), head) as Module<Tensor, Tensor>;
}

function convbn(): Module<Tensor, Tensor> {
  const channels = [3, 10, 20, 40, 80, 160];
  const layers = channels.slice(1).map((o, k) => {
    const geometry = k === 0 ? { kernelSize: 5, padding: 2 } : { kernelSize: 3, stride: 2, padding: 1 };
    const conv = new Conv2d(channels[k]!, o, { ...geometry, bias: false });
    return new Sequential(conv, new BatchNorm2d(o), new ReLU());
  });
  const head = new Sequential(new AdaptiveMaxPool2d(1), new Flatten(), new Linear(160, 10));
  return new Sequential(new Sequential(...layers), head) as Module<Tensor, Tensor>;
}

class DotBias extends Module<{ user: Tensor; item: Tensor }, Tensor> {
  readonly u = new Embedding(671, 50);
  readonly i = new Embedding(9066, 50);
  readonly ub = new Embedding(671, 1);
  readonly ib = new Embedding(9066, 1);

  forward({ user, item }: { user: Tensor; item: Tensor }): Tensor {
    const score = this.u.call(user).mul(this.i.call(item)).sum(1);
    const biased = score.add(this.ub.call(user).squeeze(1)).add(this.ib.call(item).squeeze(1));
    return biased.sigmoid().mul(4.5).add(0.5);
  }
}

const cards = [1116, 8, 4, 3, 13, 32, 3, 26, 5, 4, 3, 4, 24, 9, 13, 53, 22, 7, 7, 4, 4, 9];

class Tabular extends Module<{ categories: readonly Tensor[]; numbers: Tensor }, Tensor> {
  readonly e = cards.map((c) => new Embedding(c, Math.min(50, Math.floor((c + 1) / 2))));
  readonly bn = new BatchNorm1d(16);
  readonly m: Module<Tensor, Tensor>;

  constructor() {
    super();
    const inputs = this.e.reduce((n, { weight }) => n + weight.shape[1]!, 16);
    this.m = new Sequential(
      new Dropout(0.04),
      new Linear(inputs, 1000),
      new ReLU(),
      new BatchNorm1d(1000),
      new Dropout(0.001),
      new Linear(1000, 500),
      new ReLU(),
      new BatchNorm1d(500),
      new Dropout(0.01),
      new Linear(500, 1),
    ) as Module<Tensor, Tensor>;
  }
  forward({ categories, numbers }: { categories: readonly Tensor[]; numbers: Tensor }): Tensor {
    const vectors = categories.map((c, i) => this.e[i]!.call(c));
    return this.m.call(concat([...vectors, this.bn.call(numbers)], 1));
  }
}

class Char extends Module<Tensor, Tensor> {
  readonly e = new Embedding(85, 42);
  readonly r: RNN | GRU | LSTM;
  readonly o: Linear;

  constructor(r: RNN | GRU | LSTM) {
    super();
    this.r = r;
    this.o = new Linear(r.hiddenSize, 85);
  }
  forward(x: Tensor): Tensor {
    return this.o.call(this.r.call(this.e.call(x)).output);
  }
}

class LanguageModel extends Module<Tensor, Tensor> {
  readonly e = new Embedding(10_000, 200);
  readonly r = [new LSTM(200, 500), new LSTM(500, 500), new LSTM(500, 200)];
  readonly d = new Dropout(0.05);
  readonly o = new Linear(200, 10_000);

  constructor() {
    super();
    (this.o as { weight: unknown }).weight = this.e.weight;
  }
  forward(x: Tensor): Tensor {
    let h = this.d.call(this.e.call(x));
    for (const layer of this.r) h = this.d.call(layer.call(h).output);
    return this.o.call(h);
  }
}

function charStep(layer: RNN | GRU | LSTM): RunStep {
  const model = new Char(layer);
  const x = whole(85, 8, 512);
  const y = whole(85, 8 * 512);
  return trainStep(model, adam()(model.parameters()), () => crossEntropy(model.call(x).reshape([-1, 85]), y));
}

/** Every workload by name: `make` builds model, data and optimizer, and returns the step. */
export const workloads: Readonly<Record<string, () => RunStep>> = {
  "resnet34-train": () => {
    const model = resnet34();
    const [x, y] = [real(16, 3, 128, 128), whole(10, 16)];
    const optimizer = sgd({ lr: 1e-2, momentum: 0.9 })(model.parameters());
    return trainStep(model, optimizer, () => crossEntropy(model.call(x), y));
  },
  "resnet34-infer": () => {
    const model = resnet34();
    const x = real(16, 3, 128, 128);
    model.eval();
    return async () => (await model.call(x).data())[0]!;
  },
  "convbn-train": () => {
    const model = convbn();
    const [x, y] = [real(256, 3, 32, 32), whole(10, 256)];
    const optimizer = sgd({ lr: 1e-2, momentum: 0.9 })(model.parameters());
    return trainStep(model, optimizer, () => crossEntropy(model.call(x), y));
  },
  "collab-train": () => {
    const model = new DotBias();
    const [user, item, rating] = [whole(671, 64), whole(9066, 64), real(64)];
    const optimizer = adam({ lr: 1e-3, weightDecay: 2e-4 })(model.parameters());
    return trainStep(model, optimizer, () => mse(model.call({ user, item }), rating));
  },
  "tabular-train": () => {
    const model = new Tabular();
    const categories = cards.map((c) => whole(c, 128));
    const [numbers, y] = [real(128, 16), real(128, 1)];
    const optimizer = adam()(model.parameters());
    return trainStep(model, optimizer, () => mse(model.call({ categories, numbers }), y));
  },
  "char-rnn-train": () => charStep(new RNN(42, 256)),
  "char-gru-train": () => charStep(new GRU(42, 256)),
  "char-lstm-train": () => charStep(new LSTM(42, 512, { layers: 2 })),
  "lm-train": () => {
    const model = new LanguageModel();
    const [x, y] = [whole(10_000, 70, 32), whole(10_000, 70 * 32)];
    const optimizer = adam({ lr: 1e-3, betas: [0.7, 0.99] })(model.parameters());
    return trainStep(model, optimizer, () => crossEntropy(model.call(x).reshape([-1, 10_000]), y), 0.3);
  },
};
