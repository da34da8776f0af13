import { leaf, type Parameter, State, TensorError } from "@fai/tensor";

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
  /** Number of the update being made; the first is 1. */
  step = 0;
  private committed = 0;
  private version: number;
  private readonly cells = new Map<string, State>();

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
    const steps = this.step;
    // All are asked for before the first wait, so that they are of one step.
    const reads = [...this.cells].map(async ([name, cell]) => [name, await cell.value.data()] as const);
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
    this.committed = steps;
    this.version = this.parameter.version;
    for (const [name, cell] of this.cells)
      if (!(name in cells)) cell.load(leaf(new Float32Array(cell.value.size), cell.shape, "f32"));
    for (const [name, data] of Object.entries(cells))
      this.cell(name).load(leaf(data.slice(), this.parameter.shape, "f32"));
  }
}
