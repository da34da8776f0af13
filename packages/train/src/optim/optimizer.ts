import { type Parameter, type Tensor, TensorError, where } from "@fai/tensor";
import { countUpdates } from "./countUpdates.js";
import { type ParameterState, StepMemory } from "./stepMemory.js";

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

/** Parameters, or groups of them that may have rates and weight decays of their own; an empty group is one of layers without any. */
export type ParameterList = readonly Parameter[] | readonly (readonly Parameter[])[];

/** Makes an optimizer of a model's parameters: what `sgd(...)` and `adam(...)` give. */
export type OptimizerFactory<O extends OptimizerOptions = OptimizerOptions> = (
  parameters: ParameterList,
) => Optimizer<O>;

/** Parameters that share options: those of one layer group. */
export interface ParameterGroup<O extends OptimizerOptions = OptimizerOptions> {
  readonly parameters: readonly Parameter[];
  /** May change at any time: a number in them is in no plan's key. */
  readonly options: O;
}

/** Options of `step`. */
export interface StepOptions {
  /** Whether the step is made, as bool [] that the device computes (always). */
  when?: Tensor;
}

/** What an optimizer remembers, ready to be saved. */
export interface OptimizerState {
  /** One entry a parameter, in their order. */
  parameters: ParameterState[];
  /** The options of each group. */
  groups?: Record<string, unknown>[];
}

/**
 * An update rule over parameters: a list of steppers, and for each parameter what they remember. `step` only queues the new
 * values; the next realize computes and commits them. Parameters come in groups (one, unless lists of them are given).
 */
export class Optimizer<O extends OptimizerOptions = OptimizerOptions> {
  readonly parameters: readonly Parameter[];
  readonly groups: readonly ParameterGroup<O>[];
  private readonly apply: (update: Update, group: number, memory: StepMemory) => Update;
  private readonly memories: ReadonlyMap<Parameter, StepMemory>;
  /** The rate of each group by that of the last. */
  private shares: readonly number[];

  /** Throws when there is nothing to train. */
  constructor(parameters: ParameterList, steppers: readonly Stepper<O>[], options: O) {
    const isGrouped = Array.isArray(parameters[0]);
    const lists = (isGrouped ? parameters : [parameters]) as readonly (readonly Parameter[])[];
    this.parameters = lists.flat();
    if (this.parameters.length === 0) {
      throw new TensorError(
        "optimizer",
        "there are no parameters to train. Does the model keep its layers in fields or arrays?",
      );
    }
    this.groups = lists.map((list) => ({ parameters: list, options: { ...options } }));
    this.shares = lists.map(() => 1);
    const { groups } = this;
    this.apply = (update, group, memory) =>
      steppers.reduce((flow, stepper) => stepper(flow, groups[group]!.options, memory), update);
    this.memories = new Map(this.parameters.map((parameter) => [parameter, new StepMemory(parameter)]));
    if (this.memories.size < this.parameters.length) {
      throw new TensorError(
        "optimizer",
        "a parameter is listed twice. List tied weights once, as model.parameters() does?",
      );
    }
  }

  /** The options of the last group: of the only one, unless there are several. */
  get options(): O {
    return this.groups.at(-1)!.options;
  }

  /** The learning rate of the last group; schedules set it before a step, and the other groups keep their proportion to it. */
  get lr(): number {
    return this.options.lr;
  }
  set lr(value: number) {
    this.groups.forEach(({ options }, i) => {
      options.lr = value * this.shares[i]!;
    });
  }

  /** Gives each group a rate of its own (differential learning rates). Throws when there is not one for each. */
  setRates(rates: readonly number[]): void {
    if (rates.length !== this.groups.length) {
      throw new TensorError(
        "setRates",
        `${rates.length} rates for ${this.groups.length} groups of parameters. Give one a group.`,
      );
    }
    const last = rates.at(-1)!;
    if (last === 0 && rates.some((rate) => rate !== 0)) {
      throw new TensorError(
        "setRates",
        `the last of the rates [${rates.join(", ")}] is 0, and the others follow it in proportion. Freeze that group instead?`,
      );
    }
    this.shares = rates.map((rate) => (last === 0 ? 1 : rate / last));
    rates.forEach((rate, i) => {
      this.groups[i]!.options.lr = rate;
    });
  }

  /** The parameters that a step changes: those that are not frozen. Gradients are asked for these, in this order. */
  trainable(): Parameter[] {
    return this.parameters.filter((parameter) => parameter.trainable);
  }

  /**
   * Queues the next value of each of `trainable()` from its gradient. Where `when` is given and does not hold, parameters, what the
   * optimizer remembers of them, and the number of steps stay as they are. Throws when a gradient does not belong to its parameter.
   */
  step(gradients: readonly Tensor[], { when }: StepOptions = {}): void {
    for (const { options } of this.groups) {
      if (Number.isFinite(options.lr)) continue;
      throw new TensorError("step", `lr is ${options.lr}, expected a number. Does the schedule divide by zero?`);
    }
    const parameters = this.trainable();
    if (gradients.length !== parameters.length) {
      throw new TensorError(
        "step",
        `${gradients.length} gradients for ${parameters.length} parameters that are not frozen. Ask for gradients(loss, optimizer.trainable())?`,
      );
    }
    for (const [i, parameter] of parameters.entries()) checkGradient(parameter, gradients[i]!, i);
    for (const parameter of parameters) this.memories.get(parameter)!.begin();
    countUpdates(this.memories, parameters, when);
    let i = 0;
    this.groups.forEach((group, g) => {
      for (const parameter of group.parameters) {
        if (!parameter.trainable) continue;
        const memory = this.memories.get(parameter)!;
        const before = parameter.value;
        const { value } = this.apply({ value: before, gradient: gradients[i++]! }, g, memory);
        parameter.set(when ? where(when, value, before) : value);
        if (when) memory.gate(when);
      }
    });
  }

  /** What the optimizer remembers (momenta and their like), read from the device. */
  async state(): Promise<OptimizerState> {
    const parameters = await Promise.all(this.parameters.map((parameter) => this.memories.get(parameter)!.state()));
    return {
      parameters,
      groups: this.groups.map(({ options }) => structuredClone({ ...options }) as Record<string, unknown>),
    };
  }

  /** Continues from a saved state. Throws, and changes nothing, when it is that of other parameters. */
  load({ parameters, groups }: OptimizerState): void {
    if (parameters.length !== this.parameters.length) {
      throw new TensorError(
        "load",
        `the state is of ${parameters.length} parameters, the optimizer has ${this.parameters.length}. Was it saved from another model?`,
      );
    }
    if (groups && groups.length !== this.groups.length) {
      throw new TensorError(
        "load",
        `the state has ${groups.length} groups of parameters, the optimizer ${this.groups.length}.`,
      );
    }
    const memories = this.parameters.map((parameter) => this.memories.get(parameter)!);
    for (const [i, memory] of memories.entries()) memory.check(parameters[i]!);
    for (const [i, memory] of memories.entries()) memory.load(parameters[i]!);
    if (!groups) return;
    for (const [i, saved] of groups.entries()) Object.assign(this.groups[i]!.options, structuredClone(saved));
    const last = this.lr;
    this.shares = this.groups.map(({ options }) => (last === 0 ? 1 : options.lr / last));
  }
}

function checkGradient(parameter: Parameter, { shape, dtype }: Tensor, i: number): void {
  const fits = shape.length === parameter.shape.length && shape.every((d, axis) => d === parameter.shape[axis]);
  if (dtype === "f32" && fits) return;
  const name = parameter.name || `parameter ${i}`;
  throw new TensorError(
    "step",
    `the gradient of ${name} is ${dtype} [${shape.join(", ")}], expected ${parameter.dtype} [${parameter.shape.join(", ")}]. Are the gradients in the order of optimizer.trainable()?`,
  );
}
