import { leaf, type Parameter, State, type Tensor, TensorError, where } from "@fai/tensor";
import type { Scalar } from "./elapsed.js";

/** What steppers remember of one parameter, as it is saved. */
export interface ParameterState {
  /** The parameter's name, for messages. */
  name: string;
  /** Updates made. */
  steps: number;
  /** By the steppers' own names (`momentum`), one number an element of the parameter. */
  cells: Record<string, Float32Array>;
}

/** What steppers remember of one parameter from step to step: cells of its shape, and how many updates there were. */
export class StepMemory {
  readonly parameter: Parameter;
  /** Number of the update being made, those that the device may leave out included; the first is 1. */
  step = 0;
  /** Updates made, where the device decides which are: then `step` is only how many were asked for. Parameters that step together share it. */
  count: State | undefined;
  /** Number of the update being made, among those that are made. */
  elapsed: Scalar = 0;
  private committed = 0;
  private version: number;
  private readonly cells = new Map<string, State>();
  /** Of each cell before the update. */
  private readonly before = new Map<State, Tensor>();

  constructor(parameter: Parameter) {
    this.parameter = parameter;
    this.version = parameter.version;
  }

  /** Begins an update. An earlier one that was queued and then discarded does not count. */
  begin(): void {
    const { parameter } = this;
    const queued = parameter.value.node !== parameter.committed.node;
    if (!queued && parameter.version !== this.version) {
      this.version = parameter.version;
      this.committed = this.step;
    } else if (!queued) this.step = this.committed;
    this.step++;
    this.elapsed = this.step;
    this.before.clear();
    for (const cell of this.cells.values()) this.before.set(cell, cell.value);
  }

  /** Lets what the update remembers count only where `when` [] holds. */
  gate(when: Tensor): void {
    for (const cell of this.cells.values()) {
      const before = this.before.get(cell) ?? cell.committed;
      if (cell.value.node !== before.node) cell.set(where(when, cell.value, before));
    }
  }

  /** The cell called `name`, zeros at first. */
  cell(name: string): State {
    const found = this.cells.get(name);
    if (found) return found;
    const { shape } = this.parameter;
    const zeros = leaf(new Float32Array(shape.reduce((n, d) => n * d, 1)), shape, "f32");
    const made = new State(zeros, `${this.parameter.name || "parameter"}.${name}`);
    this.cells.set(name, made);
    return made;
  }

  /** A copy of everything, read from the device. */
  async state(): Promise<ParameterState> {
    // All are asked for before the first wait, so that they are of one step.
    const counted = this.count?.value.item();
    const asked = this.step;
    const reads = [...this.cells].map(async ([name, cell]) => [name, await cell.value.data()] as const);
    const steps = (await counted) ?? asked;
    return { name: this.parameter.name, steps, cells: Object.fromEntries(await Promise.all(reads)) };
  }

  /** Throws when `state` is of a parameter of another size. */
  check({ name, cells }: ParameterState): void {
    const size = this.parameter.value.size;
    for (const [key, data] of Object.entries(cells)) {
      if (data.length === size) continue;
      throw new TensorError(
        "load",
        `${key} of ${name || "a parameter"} has ${data.length} elements, ${this.parameter.name || "the parameter"} [${this.parameter.shape.join(", ")}] has ${size}. Was it saved from another model?`,
      );
    }
  }

  /** Continues from `state`. */
  load({ steps, cells }: ParameterState): void {
    this.step = steps;
    this.count = undefined;
    this.committed = steps;
    this.version = this.parameter.version;
    for (const [name, cell] of this.cells)
      if (!(name in cells)) cell.load(leaf(new Float32Array(cell.value.size), cell.shape, "f32"));
    for (const [name, data] of Object.entries(cells))
      this.cell(name).load(leaf(data.slice(), this.parameter.shape, "f32"));
  }
}
