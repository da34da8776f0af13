import type { ContractGroup, Group, Load, Operand, Plan } from "../../backend.js";
import { contiguousStrides, sizeOf } from "../../shape.js";
import { unitsPerChunk } from "./cost.js";
import { type Encoded, wholeLines } from "./encoded.js";
import { sharesMemory } from "./space.js";

/** A table [rows, width] of which most rows are zeros. */
export interface SparseTable {
  readonly rows: number;
  readonly width: number;
}

type Scatter = ContractGroup<"scatterAdd">;

/** Smaller tables are written whole. */
const leastElements = 16_384;
/** Tables are sparse when at most one row in so many is touched. */
const leastRowsPerSource = 4;

/**
 * The tables of a plan that need not be written whole, by slot: sums of rows, few for the table's size, that only elementwise work and
 * reductions read, element by element in the order of memory. The gradient of an embedding is one.
 */
export function sparseTables(plan: Plan): ReadonlyMap<number, SparseTable> {
  const found = new Map<number, SparseTable>();
  plan.groups.forEach((group, at) => {
    if (group.kind !== "contract" || group.op !== "scatterAdd") return;
    const table = tableOf(group as Scatter);
    const { slot } = group.outputs[0]!;
    if (!table || plan.slots[slot]!.kind !== "scratch" || found.has(slot)) return;
    const uses = plan.groups.map((other, i) => (i === at ? "none" : useOf(other, slot, table, plan)));
    if (uses.includes("other") || !uses.includes("read")) return;
    found.set(slot, table);
  });
  return found;
}

/** The table that a scatter writes, if an index serves a whole row and few rows are touched. */
function tableOf({ params: { axis }, inputs: [index, source], outputs: [out] }: Scatter): SparseTable | undefined {
  if (axis !== 0 || out!.dtype !== "f32" || out!.shape.length !== 2 || out!.offset !== 0) return undefined;
  const [rows, width] = out!.shape as [number, number];
  const [count, sourceWidth] = source!.shape as [number, number];
  if (sourceWidth !== width || width < 2 || rows * width < leastElements) return undefined;
  if (count * leastRowsPerSource > rows || (index!.strides[1] !== 0 && width > 1)) return undefined;
  return isWhole(out!.strides, [rows, width]) ? { rows, width } : undefined;
}

const isWhole = (strides: readonly number[], shape: readonly number[]) =>
  contiguousStrides(shape).every((stride, i) => shape[i] === 1 || strides[i] === stride);

/** What a group does with a slot: nothing, read it as the whole table in order, or anything else. */
function useOf(group: Group, slot: number, table: SparseTable, plan: Plan): "none" | "read" | "other" {
  if (group.kind === "contract") {
    return [...group.inputs, ...group.outputs].some((it: Operand) => it.slot === slot) ? "other" : "none";
  }
  const loads = group.loads.filter((load) => load.kind === "memory" && load.slot === slot);
  const stores = group.kind === "map" ? group.stores : group.reductions;
  if (stores.some((store) => store.slot === slot)) return "other";
  if (loads.length === 0) return "none";
  if (stores.some((store) => sharesMemory(plan.slots, store.slot, slot))) return "other";
  return loads.every((load) => isTable(load, group.dims, table)) ? "read" : "other";
}

function isTable(load: Load, dims: readonly number[], { rows, width }: SparseTable): boolean {
  if (load.kind !== "memory" || load.dtype !== "f32" || load.offset !== 0) return false;
  return sizeOf(dims) === rows * width && isWhole(load.strides, dims);
}

/** Encodes a scatter into a sparse table. */
export function encodeScatterRows(group: Scatter, { rows, width }: SparseTable): Encoded {
  const [index, source] = group.inputs as [Operand, Operand];
  const count = source.shape[0]!;
  const columns = Math.ceil(width / Math.ceil(width / unitsPerChunk(width, count * 0.3)));
  const payload = [rows, width, count, index.slot, index.offset, index.strides[0]!];
  payload.push(source.slot, source.offset, source.strides[0]!, source.strides[1]!, group.outputs[0]!.slot, columns);
  return {
    kind: "SCATTER_ROWS",
    payload,
    workspaceBytes: wholeLines(count * 4),
    threadBytes: 0,
    nanoseconds: 300 + rows * 0.05 + count * (2 + width * 0.3),
  };
}
