import { Parameter } from "../cell.js";
import * as functions from "../ops/activation.js";
import { sigmoid, tanh } from "../ops/elementwise.js";
import type { Tensor } from "../tensor.js";
import { constantInit } from "./init.js";
import { Module } from "./module.js";

/** max(x, 0). */
export class ReLU extends Module<Tensor, Tensor> {
  forward(x: Tensor): Tensor {
    return functions.relu(x);
  }
}

/** x where positive, else slope * x (0.01). */
export class LeakyReLU extends Module<Tensor, Tensor> {
  readonly slope: number;

  constructor(slope = 0.01) {
    super();
    this.slope = slope;
  }
  forward(x: Tensor): Tensor {
    return functions.leakyRelu(x, this.slope);
  }
  protected override describe(): string {
    return `slope=${this.slope}`;
  }
}

/** x where positive, else weight * x with a trained weight for all (count 1) or each channel of axis 1 (He et al., 2015); weight [count] starts at 0.25. */
export class PReLU extends Module<Tensor, Tensor> {
  readonly weight: Parameter;

  constructor(count = 1, initial = 0.25) {
    super();
    this.weight = new Parameter(constantInit([count], initial));
  }
  forward(x: Tensor): Tensor {
    return functions.prelu(x, this.weight);
  }
  protected override describe(): string {
    return `count=${this.weight.shape[0]}`;
  }
}

/** x where positive, else alpha * (e^x - 1) (Clevert et al., 2015). */
export class ELU extends Module<Tensor, Tensor> {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }
  forward(x: Tensor): Tensor {
    return functions.elu(x, this.alpha);
  }
  protected override describe(): string {
    return `alpha=${this.alpha}`;
  }
}

/** The scaled ELU of self-normalizing networks (Klambauer et al., 2017). */
export class SELU extends Module<Tensor, Tensor> {
  forward(x: Tensor): Tensor {
    return functions.selu(x);
  }
}

/** x times the normal distribution function of x (Hendrycks and Gimpel, 2016), exact or by tanh. */
export class GELU extends Module<Tensor, Tensor> {
  readonly options: functions.GeluOptions;

  constructor(options: functions.GeluOptions = {}) {
    super();
    this.options = options;
  }
  forward(x: Tensor): Tensor {
    return functions.gelu(x, this.options);
  }
  protected override describe(): string {
    return `approximate=${this.options.approximate ?? "none"}`;
  }
}

/** x * sigmoid(x), also called swish. */
export class SiLU extends Module<Tensor, Tensor> {
  forward(x: Tensor): Tensor {
    return functions.silu(x);
  }
}

/** x * tanh(softplus(x)) (Misra, 2019). */
export class Mish extends Module<Tensor, Tensor> {
  forward(x: Tensor): Tensor {
    return functions.mish(x);
  }
}

/** x limited to 0 .. 1 by straight lines, times x (Howard et al., "MobileNetV3", 2019). */
export class Hardswish extends Module<Tensor, Tensor> {
  forward(x: Tensor): Tensor {
    return functions.hardswish(x);
  }
}

/** log(1 + e^x), a smooth ReLU. */
export class Softplus extends Module<Tensor, Tensor> {
  readonly options: functions.SoftplusOptions;

  constructor(options: functions.SoftplusOptions = {}) {
    super();
    this.options = options;
  }
  forward(x: Tensor): Tensor {
    return functions.softplus(x, this.options);
  }
}

/** 1 / (1 + e^-x). */
export class Sigmoid extends Module<Tensor, Tensor> {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module<Tensor, Tensor> {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

/** e^x over its sum along `axis` (-1): probabilities. */
export class Softmax extends Module<Tensor, Tensor> {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }
  forward(x: Tensor): Tensor {
    return functions.softmax(x, this.axis);
  }
  protected override describe(): string {
    return `axis=${this.axis}`;
  }
}

/** The logarithm of softmax along `axis` (-1): log-probabilities. */
export class LogSoftmax extends Module<Tensor, Tensor> {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }
  forward(x: Tensor): Tensor {
    return functions.logSoftmax(x, this.axis);
  }
  protected override describe(): string {
    return `axis=${this.axis}`;
  }
}
