import { discard, Tensor } from "@fai/tensor";
import { type AnyModule, hook, type Module } from "@fai/tensor/nn";
import type { BatchSource } from "./fit.js";

/** One layer of a model's table. */
export interface LayerRow {
  /** Its dotted path; empty for the model itself. */
  readonly name: string;
  readonly type: string;
  /** Shapes of its outputs: one for a tensor, several for a record or a list of them. */
  readonly output: readonly (readonly number[])[];
  /** Numbers in its own parameters and those of the layers in it. */
  readonly parameters: number;
  /** Those that learn. */
  readonly trainable: number;
}

/** A row for each layer without layers in it, in the order in which `x` passes them. Nothing is computed. */
export function layerTable<X>(model: Module<X, unknown>, x: X): LayerRow[] {
  const rows: LayerRow[] = [];
  const modes = model.modules().map((module) => [module, module.training] as const);
  const hooks = model
    .namedModules()
    .filter(([, module]) => module.children().length === 0)
    .map(([name, module]) =>
      hook(module, (output) => {
        rows.push({ name, type: module.constructor.name, output: shapesOf(output), ...countParameters(module) });
      }),
    );
  try {
    model.eval().call(x);
  } finally {
    discard();
    for (const { remove } of hooks) remove();
    for (const [module, training] of modes) module.training = training;
  }
  return rows;
}

/** The table as text, with the totals. The loader stands afterwards where it stood. */
export async function summarize<X, Y>(model: Module<X, unknown>, batches: BatchSource<X, Y>): Promise<string> {
  const { epoch } = batches;
  let rows: LayerRow[] = [];
  for await (const { x } of batches) {
    rows = layerTable(model, x);
    break;
  }
  if (epoch !== undefined) batches.epoch = epoch;
  const lines = [["layer", "output", "parameters", "learns"]];
  for (const { name, type, output, parameters, trainable } of rows) {
    const shapes = output.map((shape) => `[${shape.join(", ")}]`).join(" ");
    const learns = parameters === 0 ? "" : trainable === 0 ? "no" : trainable < parameters ? "in part" : "yes";
    lines.push([name === "" ? type : `${name}: ${type}`, shapes, parameters.toLocaleString("en-US"), learns]);
  }
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const text = lines.map((line) =>
    line
      .map((cell, i) => (i === 2 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  const { parameters, trainable } = countParameters(model);
  const total = `${parameters.toLocaleString("en-US")} parameters, ${trainable.toLocaleString("en-US")} of them learn`;
  return [text[0], "-".repeat(widths.reduce((n, w) => n + w, 6)), ...text.slice(1), total].join("\n");
}

function countParameters(module: AnyModule): { parameters: number; trainable: number } {
  let [parameters, trainable] = [0, 0];
  for (const parameter of module.parameters()) {
    parameters += parameter.value.size;
    if (parameter.trainable) trainable += parameter.value.size;
  }
  return { parameters, trainable };
}

function shapesOf(output: unknown): (readonly number[])[] {
  if (output instanceof Tensor) return [output.shape];
  if (output === null || typeof output !== "object") return [];
  return Object.values(output).flatMap(shapesOf);
}
