import { Generator, manualSeed, type Tensor } from "@fai/tensor";
import { BatchNorm1d, crossEntropy, Dropout, Linear, Module, ReLU, Sequential } from "@fai/tensor/nn";
import { ArrayDataset, accuracy, DataLoader, Learner, type LearnerOptions, sgd } from "../src/index.js";

const columns = 4;

/** Points in two classes, apart by a line. */
export function points(rows: number, seed: number) {
  const generator = new Generator(seed);
  const x = Float32Array.from({ length: rows * columns }, () => generator.normal());
  const y = Int32Array.from({ length: rows }, (_, i) => (x[i * columns]! + x[i * columns + 1]! > 0 ? 1 : 0));
  return new ArrayDataset({ x: { data: x, shape: [columns] }, y: { data: y } });
}

/** 10 training and 3 validation batches. */
export function loaders(batches = 10) {
  return {
    train: new DataLoader(points(20 * batches, 3), { batchSize: 20, shuffle: true, seed: 1 }),
    valid: new DataLoader(points(40, 4), { batchSize: 16 }),
  };
}

/** Three layer groups: a linear layer, a batch norm and a linear layer, the head. */
export class Net extends Module<Tensor, Tensor> {
  readonly stem = new Linear(columns, 8);
  readonly body = new Sequential(new BatchNorm1d(8), new ReLU(), new Linear(8, 8), new ReLU());
  readonly drop = new Dropout(0.1);
  readonly head = new Linear(8, 2);

  forward(x: Tensor): Tensor {
    return this.head.call(this.drop.call(this.body.call(this.stem.call(x))));
  }

  layerGroups() {
    return [[this.stem], [this.body], [this.drop, this.head]];
  }
}

/** A learner of these points, the same every time. */
export function netLearner(options: Partial<LearnerOptions<Tensor, Tensor, Tensor>> = {}, batches = 10) {
  manualSeed(5);
  return new Learner(loaders(batches), new Net(), {
    loss: crossEntropy,
    optimizer: sgd({ momentum: 0.9 }),
    metrics: { accuracy },
    ...options,
  });
}

/** Everything that a model holds, by name. */
export async function cellsOf(model: Module<never, unknown>): Promise<Record<string, number[]>> {
  const read = model
    .namedCells()
    .map(async ([name, cell]) => [name, [...(await cell.committed.data())]] as [string, number[]]);
  return Object.fromEntries(await Promise.all(read));
}
