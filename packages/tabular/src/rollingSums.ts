import { TensorError } from "@fai/tensor";
import { numbersOf, type Table, withColumns } from "./arrow.js";
import { groupOrder } from "./groupOrder.js";

/** Options of `rollingSums`. */
export interface RollingSumsOptions {
  /** Columns whose rows are summed apart: a shop. */
  group: string | readonly string[];
  /** Column of the dates. */
  date: string;
  /** Columns of numbers or booleans. */
  columns: readonly string[];
  /** Rows of a window (7). */
  window?: number;
  /** Which way windows look: at the rows up to this one (`<column>_bw`), or at this one and those to come (`<column>_fw`) (both). */
  directions?: readonly ("backward" | "forward")[];
  /** Whether a window leaves out its own row (false): a target must, or it would be its own answer. */
  excludeCurrent?: boolean;
}

/** The table with sums over windows of rows by date, in each group; a window that reaches beyond the group has fewer rows. Missing numbers count as 0. */
export function rollingSums(
  table: Table,
  { columns, window = 7, directions = ["backward", "forward"], excludeCurrent = false, ...by }: RollingSumsOptions,
): Table {
  if (!(Number.isInteger(window) && window >= 1))
    throw new TensorError("rollingSums", `window is ${window}, expected a whole number of at least 1.`);
  const { rows, starts } = groupOrder(table, by);
  const first = new Int32Array(rows.length); // of the group, for each place
  for (let i = 1; i < rows.length; i++) first[i] = starts[i] ? i : first[i - 1]!;
  const end = new Int32Array(rows.length).fill(rows.length);
  for (let i = rows.length - 2; i >= 0; i--) end[i] = starts[i + 1] ? i + 1 : end[i + 1]!;
  const added: Record<string, Float64Array> = {};
  for (const column of columns) {
    const values = numbersOf(table, column);
    const total = new Float64Array(rows.length + 1);
    for (let i = 0; i < rows.length; i++) total[i + 1] = total[i]! + (values[rows[i]!]! || 0);
    for (const direction of directions) {
      const sums = new Float64Array(rows.length);
      const own = excludeCurrent ? 1 : 0;
      for (let i = 0; i < rows.length; i++) {
        const [from, to] =
          direction === "backward"
            ? [Math.max(first[i]!, i + 1 - own - window), i + 1 - own]
            : [i + own, Math.min(end[i]!, i + own + window)];
        sums[rows[i]!] = total[Math.max(from, to)]! - total[from]!;
      }
      added[`${column}_${direction === "backward" ? "bw" : "fw"}`] = sums;
    }
  }
  return withColumns(table, added);
}
