import { Parameter } from "../cell.js";
import { TensorError } from "../errors.js";
import { stack } from "../ops/joining.js";
import { concat, slice, transpose } from "../ops/movement.js";
import { dropout } from "../ops/sampling.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { uniform } from "./init.js";
import { Module } from "./module.js";
import { type RecurrentWeights, runSequence } from "./recurrentSequence.js";
import { type Carried, gruStep, lstmStep, type RecurrentNonlinearity, rnnStep, type Step } from "./recurrentStep.js";

/** Options of recurrent nets. */
export interface RecurrentOptions {
  /** Layers on top of each other (1). */
  layers?: number;
  /** Whether products have biases (true). */
  bias?: boolean;
  /** Inputs and outputs are [B, T, ...] instead of [T, B, ...] (false); states are not touched by it. */
  batchFirst?: boolean;
  /** Probability with which outputs between layers are dropped in training (0). */
  dropout?: number;
  /** A second net of each layer reads the sequence backwards; outputs are joined: [..., 2 * hiddenSize] (false). */
  bidirectional?: boolean;
}

/** Options of `RNN`. */
export interface RNNOptions extends RecurrentOptions {
  /** "tanh" */
  nonlinearity?: RecurrentNonlinearity;
}

/** A sequence, or a sequence and the state to start from (zeros otherwise). */
export type RecurrentInput<S> = Tensor | { input: Tensor; state?: S | undefined };

/** What a recurrent net gives. */
export interface RecurrentOutput<S> {
  /** The last layer's hidden state of each step, [T, B, directions * hiddenSize]. */
  output: Tensor;
  /** The state after the last step. */
  state: S;
}

/** What an LSTM carries: both [layers * directions, B, hiddenSize]; both [B, hiddenSize] for `LSTMCell`. */
export interface LSTMState {
  /** The output of the last step. */
  hidden: Tensor;
  /** The memory. */
  cell: Tensor;
}

/**
 * What recurrent nets share: weights named as PyTorch's (`weightIhL0`, `weightHhL0Reverse`...), uniform within
 * 1/sqrt(hiddenSize), and the walk over layers and directions.
 */
abstract class Recurrent<S> extends Module<RecurrentInput<S>, RecurrentOutput<S>> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  /** The parameters by name; they appear as fields of this module in `namedParameters`. */
  readonly weights: Readonly<Record<string, Parameter>>;

  protected abstract readonly step: Step;
  /** The state as one tensor [layers * directions, B, H] for each thing carried. */
  protected abstract unpack(state: S): readonly Tensor[];
  protected abstract pack(parts: readonly Tensor[]): S;

  constructor(gates: number, inputSize: number, hiddenSize: number, options: RecurrentOptions) {
    super();
    const { layers = 1, bias = true, batchFirst = false, dropout = 0, bidirectional = false } = options;
    if (!(Number.isInteger(layers) && layers >= 1))
      throw new TensorError(this.constructor.name, `layers is ${layers}, expected a whole number of at least 1.`);
    if (!(dropout >= 0 && dropout <= 1))
      throw new TensorError(this.constructor.name, `dropout is ${dropout}, expected a probability from 0 to 1.`);
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.layers = layers;
    this.batchFirst = batchFirst;
    this.dropout = dropout;
    this.bidirectional = bidirectional;
    const bound = 1 / Math.sqrt(hiddenSize);
    const fresh = (...shape: number[]) => new Parameter(uniform(shape, { low: -bound, high: bound }));
    const weights: Record<string, Parameter> = {};
    for (let layer = 0; layer < layers; layer++) {
      for (const suffix of this.suffixes(layer)) {
        const inputs = layer === 0 ? inputSize : hiddenSize * (bidirectional ? 2 : 1);
        weights[`weightIh${suffix}`] = fresh(gates * hiddenSize, inputs);
        weights[`weightHh${suffix}`] = fresh(gates * hiddenSize, hiddenSize);
        if (!bias) continue;
        weights[`biasIh${suffix}`] = fresh(gates * hiddenSize);
        weights[`biasHh${suffix}`] = fresh(gates * hiddenSize);
      }
    }
    this.weights = weights;
  }

  /** The tensor used as weight `name`; a subclass that drops weights overrides it. */
  protected readWeight(name: string): Tensor | undefined {
    return this.weights[name]?.value;
  }

  forward(given: RecurrentInput<S>): RecurrentOutput<S> {
    const { input, state } = "node" in given ? { input: given, state: undefined } : given;
    this.checkInput(input);
    let x = this.batchFirst ? transpose(input, 0, 1) : input; // [T, B, in]
    const directions = this.bidirectional ? 2 : 1;
    const shape = [this.layers * directions, x.shape[1]!, this.hiddenSize];
    const start = this.startFrom(state, shape);
    const ends: Carried[] = [];
    for (let layer = 0; layer < this.layers; layer++) {
      const outputs = this.suffixes(layer).map((suffix, direction) => {
        const carried = start?.map((part) => slice(part, ends.length));
        const { output, end } = runSequence(this.step, x, carried, this.weightsOf(suffix), direction === 1);
        ends.push(end);
        return output;
      });
      x = outputs.length === 1 ? outputs[0]! : concat(outputs, 2); // [T, B, directions * H]
      if (this.training && layer < this.layers - 1) x = dropout(x, this.dropout);
    }
    const last = ends[0]!.map((_, k) => stack(ends.map((end) => end[k]!)));
    return { output: this.batchFirst ? transpose(x, 0, 1) : x, state: this.pack(last) };
  }

  protected override *walkFields(): Iterable<readonly [string, unknown]> {
    for (const [name, value] of Object.entries(this)) {
      if (name === "weights") yield* Object.entries(this.weights);
      else yield [name, value];
    }
  }

  protected override describe(): string {
    const parts = [`${this.inputSize}, ${this.hiddenSize}`];
    if (this.layers > 1) parts.push(`layers=${this.layers}`);
    if (this.batchFirst) parts.push("batchFirst=true");
    if (this.dropout > 0) parts.push(`dropout=${this.dropout}`);
    if (this.bidirectional) parts.push("bidirectional=true");
    return parts.join(", ");
  }

  private suffixes(layer: number): string[] {
    return this.bidirectional ? [`L${layer}`, `L${layer}Reverse`] : [`L${layer}`];
  }

  private weightsOf(suffix: string): RecurrentWeights {
    return {
      weightIh: this.readWeight(`weightIh${suffix}`)!,
      weightHh: this.readWeight(`weightHh${suffix}`)!,
      biasIh: this.readWeight(`biasIh${suffix}`),
      biasHh: this.readWeight(`biasHh${suffix}`),
    };
  }

  private checkInput({ shape }: Tensor): void {
    const layout = this.batchFirst ? "[B, T, " : "[T, B, ";
    const steps = shape[this.batchFirst ? 1 : 0];
    if (shape.length !== 3 || shape[2] !== this.inputSize || steps === 0) {
      throw new TensorError(
        this.constructor.name,
        `the input has shape ${formatShape(shape)}, expected ${layout}${this.inputSize}] with at least one step.`,
      );
    }
  }

  private startFrom(state: S | undefined, shape: readonly number[]): readonly Tensor[] | undefined {
    if (state === undefined) return undefined;
    const parts = this.unpack(state);
    for (const part of parts) {
      if (!sameShape(part.shape, shape)) {
        throw new TensorError(
          this.constructor.name,
          `the state has shape ${formatShape(part.shape)}, expected [layers * directions, B, hiddenSize] = ${formatShape(shape)}.`,
        );
      }
    }
    return parts;
  }
}

/** A plain recurrent net (Elman, 1990): sequences [T, B, inputSize] and a state [layers * directions, B, hiddenSize]. */
export class RNN extends Recurrent<Tensor> {
  protected readonly step: Step;

  constructor(inputSize: number, hiddenSize: number, { nonlinearity = "tanh", ...options }: RNNOptions = {}) {
    super(1, inputSize, hiddenSize, options);
    this.step = rnnStep(nonlinearity);
  }

  protected override unpack(state: Tensor): readonly Tensor[] {
    return [state];
  }
  protected override pack([hidden]: readonly Tensor[]): Tensor {
    return hidden!;
  }
}

/** Gated recurrent units (Cho et al., 2014), gates in PyTorch's order: sequences [T, B, inputSize] and a state [layers * directions, B, hiddenSize]. */
export class GRU extends Recurrent<Tensor> {
  protected readonly step = gruStep;

  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(3, inputSize, hiddenSize, options);
  }

  protected override unpack(state: Tensor): readonly Tensor[] {
    return [state];
  }
  protected override pack([hidden]: readonly Tensor[]): Tensor {
    return hidden!;
  }
}

/** Long short-term memory (Hochreiter and Schmidhuber, 1997), gates in PyTorch's order: sequences [T, B, inputSize] and a state {hidden, cell}. */
export class LSTM extends Recurrent<LSTMState> {
  protected readonly step = lstmStep;

  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(4, inputSize, hiddenSize, options);
  }

  protected override unpack({ hidden, cell }: LSTMState): readonly Tensor[] {
    return [hidden, cell];
  }
  protected override pack([hidden, cell]: readonly Tensor[]): LSTMState {
    return { hidden: hidden!, cell: cell! };
  }
}
