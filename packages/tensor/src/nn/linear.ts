import { Parameter } from "../cell.js";
import { TensorError } from "../errors.js";
import { linear } from "../ops/linear.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { uniform } from "./init.js";
import { Module } from "./module.js";

/** Options of `Linear`. */
export interface LinearOptions {
  /** Whether a bias is added (true). */
  bias?: boolean;
}

/**
 * x [..., inFeatures] -> x weight^T + bias [..., outFeatures]. weight [outFeatures, inFeatures] and bias [outFeatures] start
 * uniform within 1/sqrt(inFeatures), as PyTorch's.
 */
export class Linear extends Module<Tensor, Tensor> {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;

  constructor(inFeatures: number, outFeatures: number, { bias = true }: LinearOptions = {}) {
    super();
    const bound = inFeatures > 0 ? 1 / Math.sqrt(inFeatures) : 0;
    this.weight = new Parameter(uniform([outFeatures, inFeatures], { low: -bound, high: bound }));
    this.bias = bias ? new Parameter(uniform([outFeatures], { low: -bound, high: bound })) : undefined;
  }

  forward(x: Tensor): Tensor {
    const [outFeatures, inFeatures] = this.weight.shape as [number, number];
    if (x.shape.at(-1) !== inFeatures) {
      const hint = x.size % inFeatures === 0 && x.rank > 2 ? " Flatten the input first?" : "";
      throw new TensorError(
        "Linear",
        `the input has shape ${formatShape(x.shape)}, expected [..., ${inFeatures}] for ${this.weight.name || "a weight"} [${outFeatures}, ${inFeatures}].${hint}`,
      );
    }
    return linear(x, this.weight, this.bias);
  }

  protected override describe(): string {
    const [outFeatures, inFeatures] = this.weight.shape;
    return `inFeatures=${inFeatures}, outFeatures=${outFeatures}, bias=${this.bias !== undefined}`;
  }
}
