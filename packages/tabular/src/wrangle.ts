import { TensorError } from "@fai/tensor";
import { type ColumnTable, fromArrow } from "arquero";
import {
  cellsOf,
  columnNames,
  decodeArrow,
  encodeArrow,
  kindOf,
  renameColumns,
  type Table,
  takeRows,
} from "./arrow.js";

/** A table for arquero: filter, derive, group, pivot, join (idl.uw.edu/arquero). */
export function toArquero(table: Table): ColumnTable {
  return fromArrow(encodeArrow(table), { useDate: true });
}

/** An arquero table as an Arrow one; the two libraries meet in Arrow's IPC bytes, so columns are copied once. */
export function fromArquero(table: ColumnTable): Table {
  return decodeArrow(table.toArrowIPC({ format: "file" }) as Uint8Array);
}

/** Options of `leftJoin`. */
export interface LeftJoinOptions {
  /** The columns to match, of one name on both sides, or [left, right]. */
  on: string | readonly string[] | readonly [left: readonly string[], right: readonly string[]];
  /** What is put behind names that both sides have ("_y"). */
  suffix?: string;
  /** What to do when a row of the left has no partner ("error"; "keep" leaves its new columns missing). */
  unmatched?: "error" | "keep";
}

/**
 * The left table with the columns of its partners in the right one; its own columns are not copied. A missing key has no partner. Throws when a
 * left row has none (name it in `unmatched` otherwise), and when one has several, which would multiply rows.
 */
export function leftJoin(
  left: Table,
  right: Table,
  { on, suffix = "_y", unmatched = "error" }: LeftJoinOptions,
): Table {
  const [leftKeys, rightKeys] = keysOf(on);
  leftKeys.forEach((key, i) => {
    const [kind, other] = [kindOf(left, key), kindOf(right, rightKeys[i]!)];
    if (kind !== other)
      throw new TensorError(
        "leftJoin",
        `${key} holds ${kind}s on the left and ${other}s on the right: nothing would match.`,
      );
  });
  const { rows, counts } = rowsByKey(right, rightKeys);
  const keys = keysOfRows(left, leftKeys);
  const partners = Int32Array.from(keys, (key) => (key === null ? -1 : (rows.get(key) ?? -1)));
  const lost = partners.filter((row) => row < 0).length;
  if (lost > 0 && unmatched === "error") {
    const first = partners.indexOf(-1);
    const example = leftKeys.map((key) => `${key} ${shown(left, key, first)}`).join(", ");
    throw new TensorError(
      "leftJoin",
      `${lost} of ${left.numRows} rows have no partner, such as ${example}. Pass { unmatched: "keep" } to keep them?`,
    );
  }
  const became = partners.reduce((sum, row) => sum + (row < 0 ? 1 : counts[row]!), 0);
  if (became > left.numRows) {
    throw new TensorError(
      "leftJoin",
      `${left.numRows} rows became ${became}: ${rightKeys.join(", ")} stand several times in the right table.`,
    );
  }
  const own = columnNames(left);
  const added = columnNames(right).filter((name) => !rightKeys.includes(name));
  if (added.length === 0) return left;
  const renamed = Object.fromEntries(added.map((name) => [name, own.includes(name) ? `${name}${suffix}` : name]));
  const twice = Object.values(renamed).find((name) => own.includes(name));
  if (twice !== undefined)
    throw new TensorError("leftJoin", `both tables have a column ${twice}. Pass another { suffix }.`);
  return left.assign(renameColumns(takeRows(right.select(added), partners), renamed));
}

/** The key of each row: its cells; null where one of them is missing. */
function keysOfRows(table: Table, names: readonly string[]): (string | number | boolean | null)[] {
  const columns = names.map((name) => cellsOf(table, name));
  const [only] = columns;
  if (columns.length === 1) return only!;
  return Array.from({ length: table.numRows }, (_, row) => {
    const cells = columns.map((column) => column[row]!);
    return cells.some((cell) => cell === null) ? null : JSON.stringify(cells);
  });
}

/** The first row of each key, and how many rows have it. */
function rowsByKey(table: Table, names: readonly string[]): { rows: Map<unknown, number>; counts: Int32Array } {
  const rows = new Map<unknown, number>();
  const counts = new Int32Array(table.numRows);
  keysOfRows(table, names).forEach((key, row) => {
    if (key === null) return;
    const first = rows.get(key) ?? row;
    rows.set(key, first);
    counts[first]!++;
  });
  return { rows, counts };
}

function shown(table: Table, name: string, row: number): string {
  const cell = cellsOf(table, name)[row]!;
  return kindOf(table, name) === "date" && cell !== null ? new Date(cell as number).toISOString() : String(cell);
}

function keysOf(on: LeftJoinOptions["on"]): [readonly string[], readonly string[]] {
  if (typeof on === "string") return [[on], [on]];
  const [first, second] = on;
  if (Array.isArray(first) && Array.isArray(second)) return [first as string[], second as string[]];
  return [on as readonly string[], on as readonly string[]];
}
