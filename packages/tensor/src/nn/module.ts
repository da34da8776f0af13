import { Cell, Parameter, State } from "../cell.js";
import { TensorError } from "../errors.js";
import { Tensor } from "../tensor.js";
import { runHooks } from "./hook.js";

/** Any module, whatever it takes and gives: what walkers return. */
export type AnyModule = Module<never, unknown>;

/** What a module takes. */
export type InputOf<M> = M extends Module<infer I, unknown> ? I : never;

/** What a module gives. */
export type OutputOf<M> = M extends { forward(input: never): infer O } ? O : never;

/**
 * A layer or a model: parameters, states and other modules in its fields, and a computation `forward` of one input (a record
 * when there are several). Layers are used as `layer.call(x)`, which runs `forward` and then the hooks; only subclasses
 * write `forward`. Fields that are modules, cells, or arrays and records of them are found by walking; arrays add bare
 * indices to names (`layers.0.weight`). Private `#fields`, Maps and Sets are not walked: a Map or Set of layers is an error.
 */
export abstract class Module<I, O> {
  /** Only for the type checker: keeps a module of one input type from standing in for another's. */
  declare readonly _input: (input: I) => void;

  /** Whether the layer behaves as in training: dropout drops, batch norm uses the batch. Per module; see `train` and `eval`. */
  training = true;

  /** The computation, written by subclasses; callers use `call`. */
  abstract forward(input: I): O;

  /** The output for `input`: `forward`, then the hooks on this layer. */
  call(input: I): O {
    const output = this.forward(input);
    runHooks(this, output, input);
    return output;
  }

  /** The fields that are walked, by name; containers override it to name their layers by bare indices. */
  protected walkFields(): Iterable<readonly [string, unknown]> {
    return Object.entries(this);
  }

  /** The arguments shown in print, as `10, 5, bias=true`. */
  protected describe(): string {
    return "";
  }

  /** The modules directly inside this one, with their names: `conv1`, `layers.0`. */
  namedChildren(): [string, AnyModule][] {
    return this.entries().filter((entry): entry is [string, AnyModule] => entry[1] instanceof Module);
  }

  /** The modules directly inside this one. */
  children(): AnyModule[] {
    return this.namedChildren().map(([, module]) => module);
  }

  /** This module and all inside it, outermost first, each once, with dotted names ("" for this one). */
  namedModules(): [string, AnyModule][] {
    const found: [string, AnyModule][] = [];
    const seen = new Set<AnyModule>();
    const visit = (name: string, module: AnyModule) => {
      if (seen.has(module)) return;
      seen.add(module);
      found.push([name, module]);
      for (const [field, child] of module.namedChildren()) visit(join(name, field), child);
    };
    visit("", this);
    return found;
  }

  /** This module and all inside it, outermost first, each once. */
  modules(): AnyModule[] {
    return this.namedModules().map(([, module]) => module);
  }

  /**
   * Every cell inside with its dotted name, in the order of PyTorch's state_dict. A cell with several names (tied weights)
   * appears once, under the first; with `tied` it appears under each. Cells without a longer name take it, for messages.
   */
  namedCells({ tied = false }: { tied?: boolean } = {}): [string, Cell][] {
    const found: [string, Cell][] = [];
    const seen = new Set<Cell>();
    const visit = (prefix: string, module: AnyModule, ancestors: readonly AnyModule[]) => {
      for (const [field, value] of module.entries()) {
        const name = join(prefix, field);
        if (value instanceof Module) {
          if (!ancestors.includes(value)) visit(name, value, [...ancestors, value]);
        } else if (tied || !seen.has(value)) {
          if (!seen.has(value) && name.length > value.name.length) value.name = name;
          seen.add(value);
          found.push([name, value]);
        }
      }
    };
    visit("", this, [this]);
    return found;
  }

  /** Every parameter inside with its dotted name, tied ones once. */
  namedParameters(): [string, Parameter][] {
    return this.namedCells().filter((entry): entry is [string, Parameter] => entry[1] instanceof Parameter);
  }

  /** Every parameter inside, tied ones once: what gradients are asked for. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Every state (running statistics, carried values) inside with its dotted name. */
  namedStates(): [string, State][] {
    return this.namedCells().filter((entry): entry is [string, State] => entry[1] instanceof State);
  }

  /** Every state inside. */
  states(): State[] {
    return this.namedStates().map(([, state]) => state);
  }

  /** Sets this module and all inside it to training (or, with false, to inference). */
  train(training = true): this {
    for (const module of this.modules()) module.training = training;
    return this;
  }

  /** Sets this module and all inside it to inference. */
  eval(): this {
    return this.train(false);
  }

  /** Keeps optimizers away from every parameter inside. */
  freeze(): this {
    for (const parameter of this.parameters()) parameter.trainable = false;
    return this;
  }

  /** Lets optimizers train every parameter inside. */
  unfreeze(): this {
    for (const parameter of this.parameters()) parameter.trainable = true;
    return this;
  }

  /** The tree of layers as PyTorch prints it, and the number of parameters. */
  toString(): string {
    const parameters = this.parameters();
    const count = parameters.reduce((n, p) => n + p.value.size, 0);
    const frozen = parameters.reduce((n, p) => n + (p.trainable ? 0 : p.value.size), 0);
    return `${this.tree("")}\n${thousands(count)} parameters${frozen > 0 ? `, ${thousands(frozen)} of them frozen` : ""}`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  private tree(indent: string): string {
    const head = `${this.constructor.name}(${this.describe()}`;
    const children = this.namedChildren();
    if (children.length === 0) return `${head})`;
    const inner = `${indent}  `;
    const lines = children.map(([name, child]) => `${inner}(${name}): ${child.tree(inner)}\n`);
    return `${head}\n${lines.join("")}${indent})`;
  }

  /** Cells and modules reachable without passing through another module; own parameters first, then own states. */
  private entries(): [string, Cell | AnyModule][] {
    const own: [string, Cell][] = [];
    const inner: [string, Cell | AnyModule][] = [];
    const trail = new Set<object>([this]);
    for (const [name, value] of this.walkFields()) {
      if (value instanceof Cell) own.push([name, value]);
      else collect(name, value, inner, trail);
    }
    const parameters = own.filter(([, cell]) => cell instanceof Parameter);
    return [...parameters, ...own.filter(([, cell]) => !(cell instanceof Parameter)), ...inner];
  }
}

function join(prefix: string, name: string): string {
  return prefix === "" ? name : `${prefix}.${name}`;
}

function thousands(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

function collect(name: string, value: unknown, out: [string, Cell | AnyModule][], trail: Set<object>): void {
  if (value instanceof Cell || value instanceof Module) {
    out.push([name, value]);
    return;
  }
  if (value === null || typeof value !== "object" || value instanceof Tensor || trail.has(value)) return;
  if (value instanceof Map || value instanceof Set) {
    for (const item of value.values()) {
      if (item instanceof Cell || item instanceof Module) {
        const kind = value instanceof Map ? "Map" : "Set";
        throw new TensorError(
          "module",
          `field ${name} is a ${kind} of layers, whose parameters would be missed. Use an array or a record?`,
        );
      }
    }
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const isArray = Array.isArray(value);
  if (!isArray && prototype !== Object.prototype && prototype !== null) return;
  if (isArray && (typeof value[0] === "number" || typeof value[0] === "string")) return; // plain data, perhaps long
  trail.add(value);
  for (const [key, item] of Object.entries(value)) collect(join(name, key), item, out, trail);
  trail.delete(value);
}
