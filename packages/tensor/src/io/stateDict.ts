import { type Cell, State } from "../cell.js";
import { isFloat } from "../dtype.js";
import { TensorError } from "../errors.js";
import { hostNumbers } from "../half.js";
import type { AnyModule } from "../nn/module.js";
import { leaf } from "../node.js";
import { formatShape, sameShape } from "../shape.js";
import type { Tensor } from "../tensor.js";
import { type NamedTensors, namedEntries } from "./safetensors.js";

/** Options of `loadStateDict`. */
export interface LoadOptions {
  /** Whether missing and unexpected names are an error (true); wrong shapes and dtypes always are. */
  strict?: boolean;
}

/** Names in which a module and the tensors loaded into it differ. */
export interface LoadResult {
  /** Cells of the module that were not given and stay as they are. */
  missing: string[];
  /** Tensors that belong to no cell. */
  unexpected: string[];
}

/** A dotted path of fields as PyTorch writes it: `bn1.runningMean` -> `bn1.running_mean`, `weightIhL0` -> `weight_ih_l0`. */
export function torchName(path: string): string {
  return path.replace(
    /[A-Z]/g,
    (letter, at: number) => `${at === 0 || path[at - 1] === "." ? "" : "_"}${letter.toLowerCase()}`,
  );
}

/** The cells that a state dict holds, by PyTorch's names: parameters and persistent states, tied ones under each of their names. */
function namedCells(module: AnyModule): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  for (const [path, cell] of module.namedCells({ tied: true })) {
    if (cell instanceof State && !cell.persistent) continue;
    const name = torchName(path);
    if (cells.has(name))
      throw new TensorError("stateDict", `two fields are written as ${name}; the second is ${path}. Rename one?`);
    cells.set(name, cell);
  }
  return cells;
}

/**
 * The committed values of all parameters and persistent states of `module`, on the host, with PyTorch's names in PyTorch's
 * order. Assignments that are queued but not realized are not in it.
 */
export async function stateDict(module: AnyModule): Promise<Map<string, Tensor>> {
  // All are asked for before the first wait, so that they are of one step.
  const read = [...namedCells(module)].map(
    async ([name, { committed, shape, dtype }]): Promise<[string, Tensor]> => [
      name,
      leaf(await committed.data(), shape, dtype),
    ],
  );
  return new Map(await Promise.all(read));
}

/**
 * Loads tensors that are on the host into the parameters and states of `module`, before or after training. All differences
 * are reported in one TensorError, and then nothing is loaded; halves and f32 take the place of each other. A tied cell needs one of its names; `num_batches_tracked`,
 * which old files lack, may be missing.
 */
export function loadStateDict(
  module: AnyModule,
  tensors: NamedTensors,
  { strict = true }: LoadOptions = {},
): LoadResult {
  const given = new Map(namedEntries(tensors));
  const cells = namedCells(module);
  const assignments = new Map<Cell, Tensor>();
  const wrong: string[] = [];
  for (const [name, cell] of cells) {
    const tensor = given.get(name);
    if (!tensor) continue;
    const fits = tensor.dtype === cell.dtype || (isFloat(tensor.dtype) && isFloat(cell.dtype));
    if (!sameShape(tensor.shape, cell.shape) || !fits) {
      wrong.push(`${name}: ${tensor.dtype} ${formatShape(tensor.shape)} for ${cell.dtype} ${formatShape(cell.shape)}`);
    } else if (!tensor.node.host[tensor.index]) {
      wrong.push(`${name}: its values are not on the host (await its data() and wrap them in tensor(...))`);
    } else {
      assignments.set(cell, tensor);
    }
  }
  const missing = [...cells]
    .filter(([name, cell]) => !given.has(name) && !assignments.has(cell) && !/(^|\.)num_batches_tracked$/.test(name))
    .map(([name]) => name);
  const unexpected = [...given.keys()].filter((name) => !cells.has(name));
  const problems = [
    ...(strict ? [list("missing", missing), list("unexpected", unexpected)] : []),
    list("of another shape or type", wrong),
  ].filter((line) => line !== "");
  if (problems.length > 0) {
    const hint = strict && wrong.length === 0 ? "\nPass {strict: false} to load what fits?" : "";
    throw new TensorError("loadStateDict", `the tensors do not fit the module.${problems.join("")}${hint}`);
  }
  for (const [cell, tensor] of assignments) {
    const host = tensor.node.host[tensor.index]!;
    const data = tensor.dtype === cell.dtype ? host.slice() : hostNumbers(host, tensor.dtype).slice();
    cell.load(leaf(data, cell.shape, cell.dtype));
  }
  return { missing, unexpected };
}

function list(what: string, names: readonly string[]): string {
  return names.length === 0 ? "" : `\n  ${names.length} ${what}: ${names.join(", ")}`;
}
