import { Parameter } from "../cell.js";
import { TensorError } from "../errors.js";
import { type AffineOptions, groupNorm, instanceNorm, layerNorm } from "../ops/normalization.js";
import { formatShape, type Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { constantInit } from "./init.js";
import { Module } from "./module.js";

/** Options of `GroupNorm` and `InstanceNorm`. */
export interface GroupNormOptions {
  /** Added to the variance (1e-5). */
  epsilon?: number;
  /** Whether there is a trained scale and shift (InstanceNorm: false, as PyTorch's; others: true). */
  affine?: boolean;
}

/** Options of `LayerNorm`. */
export interface LayerNormOptions extends GroupNormOptions {
  /** Whether there is a shift beside the scale (true). */
  bias?: boolean;
}

/** A norm without running statistics, with an optional scale (ones at first) and shift (zeros) of `shape`. */
abstract class PlainNorm extends Module<Tensor, Tensor> {
  readonly weight: Parameter | undefined;
  readonly bias: Parameter | undefined;
  readonly epsilon: number;

  constructor(shape: Shape, epsilon: number, { weight, bias }: { weight: boolean; bias: boolean }) {
    super();
    this.epsilon = epsilon;
    this.weight = weight ? new Parameter(constantInit(shape, 1)) : undefined;
    this.bias = bias ? new Parameter(constantInit(shape, 0)) : undefined;
  }

  /** What the functions of `ops/normalization` take. */
  protected get affine(): AffineOptions {
    return {
      epsilon: this.epsilon,
      ...(this.weight && { weight: this.weight }),
      ...(this.bias && { bias: this.bias }),
    };
  }

  protected describeWith(...sizes: (number | string)[]): string {
    return [...sizes, `epsilon=${this.epsilon}`, `affine=${this.weight !== undefined}`].join(", ");
  }
}

/** Each example scaled to mean 0 and variance 1 over its last axes, whose sizes are `shape` (Ba, Kiros and Hinton, 2016). */
export class LayerNorm extends PlainNorm {
  readonly shape: Shape;

  constructor(shape: number | Shape, { epsilon = 1e-5, affine = true, bias = true }: LayerNormOptions = {}) {
    const sizes = typeof shape === "number" ? [shape] : shape;
    super(sizes, epsilon, { weight: affine, bias: affine && bias });
    this.shape = sizes;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.shape, this.affine);
  }

  protected override describe(): string {
    return this.describeWith(formatShape(this.shape));
  }
}

/** Each group of channels of an example [N, C, ...] scaled to mean 0 and variance 1 (Wu and He, 2018). */
export class GroupNorm extends PlainNorm {
  readonly groups: number;
  readonly channels: number;

  constructor(groups: number, channels: number, { epsilon = 1e-5, affine = true }: GroupNormOptions = {}) {
    if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
      throw new TensorError("GroupNorm", `${channels} channels do not divide into ${groups} groups.`);
    }
    super([channels], epsilon, { weight: affine, bias: affine });
    this.groups = groups;
    this.channels = channels;
  }

  forward(x: Tensor): Tensor {
    checkChannels("GroupNorm", x, this.channels);
    return groupNorm(x, this.groups, this.affine);
  }

  protected override describe(): string {
    return this.describeWith(this.groups, this.channels);
  }
}

/** Each channel of an example [N, C, ...] scaled to mean 0 and variance 1 (Ulyanov et al., 2016); no statistics are kept. */
export class InstanceNorm extends PlainNorm {
  readonly channels: number;

  constructor(channels: number, { epsilon = 1e-5, affine = false }: GroupNormOptions = {}) {
    super([channels], epsilon, { weight: affine, bias: affine });
    this.channels = channels;
  }

  forward(x: Tensor): Tensor {
    checkChannels("InstanceNorm", x, this.channels);
    return instanceNorm(x, this.affine);
  }

  protected override describe(): string {
    return this.describeWith(this.channels);
  }
}

function checkChannels(op: string, { shape }: Tensor, channels: number): void {
  if (shape.length >= 2 && shape[1] === channels) return;
  throw new TensorError(op, `the input has shape ${formatShape(shape)}, expected [N, ${channels}, ...].`);
}
