import { Parameter } from "../cell.js";
import { TensorError } from "../errors.js";
import { type ConvOptions, conv2d, type Pair, pair } from "../ops/contract.js";
import { cast, reshape } from "../ops/convert.js";
import { type Conv1dOptions, type ConvTransposeOptions, conv1d, convTranspose2d } from "../ops/convolution.js";
import { add } from "../ops/elementwise.js";
import type { Shape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { fans, uniform } from "./init.js";
import { Module } from "./module.js";

/** Options of `Conv1d`. */
export interface Conv1dLayerOptions extends Conv1dOptions {
  /** Elements that an output sees. */
  kernelSize: number;
  /** Whether a bias is added to each channel (true). */
  bias?: boolean;
}

/** Options of `Conv2d`. */
export interface Conv2dLayerOptions extends ConvOptions {
  /** Pixels that an output sees: one number for both directions, or [vertical, horizontal]. */
  kernelSize: Pair;
  /** Whether a bias is added to each channel (true). */
  bias?: boolean;
}

/** Options of `ConvTranspose2d`. */
export interface ConvTranspose2dLayerOptions extends ConvTransposeOptions {
  /** Pixels that an input reaches. */
  kernelSize: Pair;
  /** Whether a bias is added to each channel (true). */
  bias?: boolean;
}

/** What convolutions share: a weight and a bias uniform within 1/sqrt(fan in), as PyTorch's, and the geometry for print. */
abstract class Convolution extends Module<Tensor, Tensor> {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly inChannels: number;
  readonly outChannels: number;

  constructor(
    inChannels: number,
    outChannels: number,
    { shape, groups = 1, bias = true }: { shape: Shape; groups?: number | undefined; bias?: boolean | undefined },
  ) {
    super();
    if (!Number.isInteger(groups) || groups < 1 || inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new TensorError(
        this.constructor.name,
        `groups ${groups} divides not both ${inChannels} input and ${outChannels} output channels.`,
      );
    }
    const bound = 1 / Math.sqrt(Math.max(1, fans(shape).fanIn));
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.weight = new Parameter(uniform(shape, { low: -bound, high: bound }));
    this.bias = bias ? new Parameter(uniform([outChannels], { low: -bound, high: bound })) : undefined;
  }

  /** y [N, O, ...] plus the bias of each channel. */
  protected biased(y: Tensor): Tensor {
    if (!this.bias) return y;
    return add(y, reshape(cast(this.bias, y.dtype), [this.outChannels, ...y.shape.slice(2).map(() => 1)]));
  }

  protected describeWith(options: object): string {
    const given = Object.entries(options).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    return [
      this.inChannels,
      this.outChannels,
      `kernelSize=${JSON.stringify(this.weight.shape.slice(2))}`,
      ...given,
      `bias=${this.bias !== undefined}`,
    ].join(", ");
  }
}

/** Convolution of sequences [N, C, L] -> [N, O, L'] with weight [O, C/groups, k] and bias [O]. */
export class Conv1d extends Convolution {
  readonly options: Conv1dOptions;

  constructor(inChannels: number, outChannels: number, { kernelSize, bias, ...options }: Conv1dLayerOptions) {
    const [size] = pair("Conv1d", "kernelSize", kernelSize, 1);
    const { groups = 1 } = options;
    super(inChannels, outChannels, { shape: [outChannels, inChannels / groups, size], groups, bias });
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return this.biased(conv1d(x, this.weight, this.options));
  }

  protected override describe(): string {
    return this.describeWith(this.options);
  }
}

/** Convolution of images [N, C, H, W] -> [N, O, H', W'] with weight [O, C/groups, kh, kw] and bias [O]. */
export class Conv2d extends Convolution {
  readonly options: ConvOptions;

  constructor(inChannels: number, outChannels: number, { kernelSize, bias, ...options }: Conv2dLayerOptions) {
    const { groups = 1 } = options;
    super(inChannels, outChannels, {
      shape: [outChannels, inChannels / groups, ...pair("Conv2d", "kernelSize", kernelSize, 1)],
      groups,
      bias,
    });
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return this.biased(conv2d(x, this.weight, this.options));
  }

  protected override describe(): string {
    return this.describeWith(this.options);
  }
}

/** Transposed convolution of images [N, C, H, W] -> [N, O, H', W'], H' = (H - 1) stride - 2 padding + dilation (kh - 1) + outputPadding + 1, with weight [C, O/groups, kh, kw] and bias [O]. */
export class ConvTranspose2d extends Convolution {
  readonly options: ConvTransposeOptions;

  constructor(inChannels: number, outChannels: number, { kernelSize, bias, ...options }: ConvTranspose2dLayerOptions) {
    const { groups = 1 } = options;
    super(inChannels, outChannels, {
      shape: [inChannels, outChannels / groups, ...pair("ConvTranspose2d", "kernelSize", kernelSize, 1)],
      groups,
      bias,
    });
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return this.biased(convTranspose2d(x, this.weight, this.options));
  }

  protected override describe(): string {
    return this.describeWith(this.options);
  }
}
