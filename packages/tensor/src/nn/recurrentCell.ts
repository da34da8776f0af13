import { Parameter } from "../cell.js";
import { TensorError } from "../errors.js";
import { unsqueeze } from "../ops/movement.js";
import { formatShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { uniform } from "./init.js";
import { Module } from "./module.js";
import type { LSTMState, RecurrentInput } from "./recurrent.js";
import { runSequence } from "./recurrentSequence.js";
import { type Carried, gruStep, lstmStep, type RecurrentNonlinearity, rnnStep, type Step } from "./recurrentStep.js";

/** Options of `GRUCell` and `LSTMCell`. */
export interface RecurrentCellOptions {
  /** Whether products have biases (true). */
  bias?: boolean;
}

/** Options of `RNNCell`. */
export interface RNNCellOptions extends RecurrentCellOptions {
  /** "tanh" */
  nonlinearity?: RecurrentNonlinearity;
}

abstract class RecurrentCell<S> extends Module<RecurrentInput<S>, S> {
  readonly weightIh: Parameter;
  readonly weightHh: Parameter;
  readonly biasIh: Parameter | undefined;
  readonly biasHh: Parameter | undefined;
  readonly inputSize: number;
  readonly hiddenSize: number;

  constructor(gates: number, inputSize: number, hiddenSize: number, { bias = true }: RecurrentCellOptions) {
    super();
    const bound = 1 / Math.sqrt(hiddenSize);
    const fresh = (...shape: number[]) => new Parameter(uniform(shape, { low: -bound, high: bound }));
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.weightIh = fresh(gates * hiddenSize, inputSize);
    this.weightHh = fresh(gates * hiddenSize, hiddenSize);
    this.biasIh = bias ? fresh(gates * hiddenSize) : undefined;
    this.biasHh = bias ? fresh(gates * hiddenSize) : undefined;
  }

  /** The next state; each part of the one before is [B, hiddenSize], zeros when there is none. */
  protected advance(step: Step, input: Tensor, carried: Carried | undefined): Carried {
    if (input.rank !== 2 || input.shape[1] !== this.inputSize) {
      throw new TensorError(
        this.constructor.name,
        `the input has shape ${formatShape(input.shape)}, expected [B, ${this.inputSize}].`,
      );
    }
    const shape = [input.shape[0]!, this.hiddenSize];
    for (const part of carried ?? []) {
      if (formatShape(part.shape) !== formatShape(shape)) {
        throw new TensorError(
          this.constructor.name,
          `the state has shape ${formatShape(part.shape)}, expected [B, hiddenSize] = ${formatShape(shape)}.`,
        );
      }
    }
    const weights = {
      weightIh: this.weightIh.value,
      weightHh: this.weightHh.value,
      biasIh: this.biasIh?.value,
      biasHh: this.biasHh?.value,
    };
    return runSequence(step, unsqueeze(input, 0), carried, weights).end;
  }

  protected override describe(): string {
    return `${this.inputSize}, ${this.hiddenSize}`;
  }
}

function parts<S>(given: RecurrentInput<S>): { input: Tensor; state?: S | undefined } {
  return "node" in given ? { input: given } : given;
}

/** One step of `RNN`: an input [B, inputSize] and a state [B, hiddenSize] give the next state. */
export class RNNCell extends RecurrentCell<Tensor> {
  readonly nonlinearity: RecurrentNonlinearity;

  constructor(inputSize: number, hiddenSize: number, { nonlinearity = "tanh", ...options }: RNNCellOptions = {}) {
    super(1, inputSize, hiddenSize, options);
    this.nonlinearity = nonlinearity;
  }

  forward(given: RecurrentInput<Tensor>): Tensor {
    const { input, state } = parts(given);
    return this.advance(rnnStep(this.nonlinearity), input, state && [state])[0]!;
  }
}

/** One step of `GRU`: an input [B, inputSize] and a state [B, hiddenSize] give the next state. */
export class GRUCell extends RecurrentCell<Tensor> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentCellOptions = {}) {
    super(3, inputSize, hiddenSize, options);
  }

  forward(given: RecurrentInput<Tensor>): Tensor {
    const { input, state } = parts(given);
    return this.advance(gruStep, input, state && [state])[0]!;
  }
}

/** One step of `LSTM`: an input [B, inputSize] and a state {hidden, cell} give the next state. */
export class LSTMCell extends RecurrentCell<LSTMState> {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentCellOptions = {}) {
    super(4, inputSize, hiddenSize, options);
  }

  forward(given: RecurrentInput<LSTMState>): LSTMState {
    const { input, state } = parts(given);
    const [hidden, cell] = this.advance(lstmStep, input, state && [state.hidden, state.cell]);
    return { hidden: hidden!, cell: cell! };
  }
}
