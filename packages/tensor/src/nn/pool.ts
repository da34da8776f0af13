import { avgPool2d, maxPool2d, type Pair, type PoolOptions } from "../ops/contract.js";
import { concat } from "../ops/movement.js";
import { adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool1d, maxPool1d, type Pool1dOptions } from "../ops/pooling.js";
import type { Tensor } from "../tensor.js";
import { Module } from "./module.js";

abstract class Pool<K, P> extends Module<Tensor, Tensor> {
  readonly kernelSize: K;
  readonly options: P;

  constructor(kernelSize: K, options: P = {} as P) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  protected override describe(): string {
    const given = Object.entries(this.options as object).map(([name, value]) => `, ${name}=${JSON.stringify(value)}`);
    return `kernelSize=${JSON.stringify(this.kernelSize)}${given.join("")}`;
  }
}

/** The largest element of each window of [N, C, L]; windows do not overlap unless `stride` says so. */
export class MaxPool1d extends Pool<number, Pool1dOptions> {
  forward(x: Tensor): Tensor {
    return maxPool1d(x, this.kernelSize, this.options);
  }
}

/** The mean of each window of [N, C, L]; windows do not overlap unless `stride` says so. */
export class AvgPool1d extends Pool<number, Pool1dOptions> {
  forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options);
  }
}

/** The largest element of each window of [N, C, H, W]; windows do not overlap unless `stride` says so. */
export class MaxPool2d extends Pool<Pair, PoolOptions> {
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }
}

/** The mean of each window of [N, C, H, W]; windows do not overlap unless `stride` says so. */
export class AvgPool2d extends Pool<Pair, PoolOptions> {
  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }
}

abstract class AdaptivePool extends Module<Tensor, Tensor> {
  readonly size: Pair;

  constructor(size: Pair = 1) {
    super();
    this.size = size;
  }

  protected override describe(): string {
    return `size=${JSON.stringify(this.size)}`;
  }
}

/** The means of windows that divide images [N, C, H, W] into [N, C, ...size] (1). */
export class AdaptiveAvgPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.size);
  }
}

/** The largest elements of windows that divide images [N, C, H, W] into [N, C, ...size] (1). */
export class AdaptiveMaxPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return adaptiveMaxPool2d(x, this.size);
  }
}

/** Largest elements, then means, joined on the channels: [N, C, H, W] -> [N, 2C, ...size]; the maximum first, as fastai's heads expect. */
export class AdaptiveConcatPool2d extends AdaptivePool {
  forward(x: Tensor): Tensor {
    return concat([adaptiveMaxPool2d(x, this.size), adaptiveAvgPool2d(x, this.size)], 1);
  }
}
