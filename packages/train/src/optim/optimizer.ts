import { TensorError, type Parameter, type Tensor } from "@fai/tensor";
import { StepMemory, type ParameterState } from "./stepMemory.js";

/** What flows through the steppers of one parameter: its value, and the gradient to follow. */
export interface Update {
  readonly value: Tensor;
  readonly gradient: Tensor;
}

/** One part of an update rule (weight decay, momentum, the descent itself): what it gives flows on to the next. */
export type Stepper<O> = (update: Update, options: Readonly<O>, memory: StepMemory) => Update;

/** What every optimizer has. */
export interface OptimizerOptions {
  /** The learning rate. */
  lr: number;
}

/** Makes an optimizer of a model's parameters: what `sgd(...)` and `adam(...)` give. */
export type OptimizerFactory<O extends OptimizerOptions = OptimizerOptions> = (parameters: readonly Parameter[]) => Optimizer<O>;

/** What an optimizer remembers, ready to be saved: one entry a parameter, in their order. */
export interface OptimizerState {
  parameters: ParameterState[];
}

/**
 * An update rule over parameters: a list of steppers, and for each parameter what they remember. `step` only queues the new
 * values; the next realize computes and commits them. `options` may change at any time: a number in them is in no plan's key.
 */
export class Optimizer<O extends OptimizerOptions = OptimizerOptions> {
  readonly parameters: readonly Parameter[];
  readonly options: O;
  private readonly apply: (update: Update, memory: StepMemory) => Update;
  private readonly memories: ReadonlyMap<Parameter, StepMemory>;

  /** Throws when there is nothing to train. */
  constructor(parameters: readonly Parameter[], steppers: readonly Stepper<O>[], options: O) {
    if (parameters.length === 0) throw new TensorError("optimizer", "there are no parameters to train. Does the model keep its layers in fields or arrays?");
    this.parameters = parameters;
    this.options = options;
    this.apply = (update, memory) => steppers.reduce((flow, stepper) => stepper(flow, this.options, memory), update);
    this.memories = new Map(parameters.map((parameter) => [parameter, new StepMemory(parameter)]));
    if (this.memories.size < parameters.length) throw new TensorError("optimizer", "a parameter is listed twice. List tied weights once, as model.parameters() does?");
  }

  /** The learning rate; schedules set it before a step. */
  get lr(): number {
    return this.options.lr;
  }
  set lr(value: number) {
    this.options.lr = value;
  }

  /** The parameters that a step changes: those that are not frozen. Gradients are asked for these, in this order. */
  trainable(): Parameter[] {
    return this.parameters.filter((parameter) => parameter.trainable);
  }

  /** Queues the next value of each of `trainable()` from its gradient. Throws when a gradient does not belong to its parameter. */
  step(gradients: readonly Tensor[]): void {
    if (!Number.isFinite(this.lr)) throw new TensorError("step", `lr is ${this.lr}, expected a number. Does the schedule divide by zero?`);
    const parameters = this.trainable();
    if (gradients.length !== parameters.length) {
      throw new TensorError("step", `${gradients.length} gradients for ${parameters.length} parameters that are not frozen. Ask for gradients(loss, optimizer.trainable())?`);
    }
    parameters.forEach((parameter, i) => checkGradient(parameter, gradients[i]!, i));
    parameters.forEach((parameter, i) => {
      const memory = this.memories.get(parameter)!;
      memory.begin();
      parameter.set(this.apply({ value: parameter.value, gradient: gradients[i]! }, memory).value);
    });
  }

  /** What the optimizer remembers (momenta and their like), read from the device. */
  async state(): Promise<OptimizerState> {
    return { parameters: await Promise.all(this.parameters.map((parameter) => this.memories.get(parameter)!.state())) };
  }

  /** Continues from a saved state. Throws, and changes nothing, when it is that of other parameters. */
  load({ parameters }: OptimizerState): void {
    if (parameters.length !== this.parameters.length) {
      throw new TensorError("load", `the state is of ${parameters.length} parameters, the optimizer has ${this.parameters.length}. Was it saved from another model?`);
    }
    const memories = this.parameters.map((parameter) => this.memories.get(parameter)!);
    memories.forEach((memory, i) => memory.check(parameters[i]!));
    memories.forEach((memory, i) => memory.load(parameters[i]!));
  }
}

function checkGradient(parameter: Parameter, { shape, dtype }: Tensor, i: number): void {
  if (dtype === "f32" && shape.length === parameter.shape.length && shape.every((d, axis) => d === parameter.shape[axis])) return;
  const name = parameter.name || `parameter ${i}`;
  throw new TensorError("step", `the gradient of ${name} is ${dtype} [${shape.join(", ")}], expected ${parameter.dtype} [${parameter.shape.join(", ")}]. Are the gradients in the order of optimizer.trainable()?`);
}
