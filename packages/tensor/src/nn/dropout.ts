import { TensorError } from "../errors.js";
import { mul } from "../ops/elementwise.js";
import { ones } from "../ops/generate.js";
import { dropout } from "../ops/sampling.js";
import type { Tensor } from "../tensor.js";
import { Module } from "./module.js";

/** In training, elements zeroed with probability p (0.5) and the others divided by 1 - p (Srivastava et al., 2014). */
export class Dropout extends Module<Tensor, Tensor> {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1))
      throw new TensorError(this.constructor.name, `p is ${p}, expected a probability from 0 to 1.`);
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    return dropout(x, this.p, { training: this.training });
  }

  protected override describe(): string {
    return `p=${this.p}`;
  }
}

/** In training, whole channels of [N, C, ...] zeroed with probability p (0.5) and the others divided by 1 - p. */
export class Dropout2d extends Dropout {
  override forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    const kept = dropout(ones(x.shape.map((d, i) => (i < 2 ? d : 1))), this.p);
    return mul(x, kept);
  }
}
