import { type Tensor, TensorError } from "@fai/tensor";
import {
  AdaptiveConcatPool2d,
  type AnyModule,
  BatchNorm1d,
  constantInit,
  Dropout,
  Flatten,
  kaimingNormal,
  Linear,
  Module,
  ReLU,
  Sequential,
} from "@fai/tensor/nn";
import { ResNetBody } from "./resnet.js";

/** Options of `createHead`. */
export interface HeadOptions {
  /** Features of the layer in between (512). */
  hidden?: number;
  /** Share of features dropped before that layer and before the last ([0.25, 0.5]). */
  dropout?: readonly [number, number];
}

/** The layers of fastai's head. */
export type Head = Sequential<
  readonly [AdaptiveConcatPool2d, Flatten, BatchNorm1d, Dropout, Linear, ReLU, BatchNorm1d, Dropout, Linear]
>;

/**
 * fastai's head for a body that gives feature maps [N, features, h, w] -> logits [N, classes]: max and average pooling (the
 * maximum first), batch norm, dropout, a hidden layer with ReLU, batch norm, dropout, the last layer. Weights start normal
 * with variance 2 / (fan in), biases at 0.
 */
export function createHead(
  features: number,
  classes: number,
  { hidden = 512, dropout = [0.25, 0.5] }: HeadOptions = {},
): Head {
  for (const [name, value] of Object.entries({ features, classes, hidden })) {
    if (!(Number.isInteger(value) && value >= 1))
      throw new TensorError("createHead", `${name} is ${value}, expected a whole number of at least 1.`);
  }
  return new Sequential(
    new AdaptiveConcatPool2d(1),
    new Flatten(),
    new BatchNorm1d(2 * features),
    new Dropout(dropout[0]),
    linear(2 * features, hidden),
    new ReLU(),
    new BatchNorm1d(hidden),
    new Dropout(dropout[1]),
    linear(hidden, classes),
  );
}

/** A body that gives feature maps, and a head that gives logits: pictures [N, 3, H, W] -> [N, classes]. */
export class ImageClassifier extends Module<Tensor, Tensor> {
  readonly body: Module<Tensor, Tensor>;
  readonly head: Module<Tensor, Tensor>;

  constructor(body: Module<Tensor, Tensor>, head: Module<Tensor, Tensor>) {
    super();
    this.body = body;
    this.head = head;
  }

  /** Those of a residual body (else the body as one), and the head. */
  layerGroups(): AnyModule[][] {
    const body = this.body instanceof ResNetBody ? this.body.layerGroups() : [[this.body]];
    return [...body, [this.head]];
  }

  forward(x: Tensor): Tensor {
    return this.head.call(this.body.call(x));
  }
}

/** A residual body with fastai's head on it: `withHead(new ResNetBody([2, 2, 2, 2]), 10)`. */
export function withHead(body: ResNetBody, classes: number, options: HeadOptions = {}): ImageClassifier {
  return new ImageClassifier(body, createHead(body.features, classes, options));
}

function linear(inFeatures: number, outFeatures: number): Linear {
  const layer = new Linear(inFeatures, outFeatures);
  layer.weight.load(kaimingNormal(layer.weight.shape));
  layer.bias!.load(constantInit([outFeatures], 0));
  return layer;
}
