import { datesOf } from "./addDatepart.js";
import { encode, type Table } from "./arrow.js";

/** Rows of each group in the order of their dates. */
export interface GroupOrder {
  /** All rows, group by group. */
  readonly rows: Int32Array;
  /** Whether a place in `rows` begins a group. */
  readonly starts: Uint8Array;
  /** Days since 1970 of every row of the table. */
  readonly days: Float64Array;
}

/** The rows of a table by group (one column or several; none: all are one) and date; ties keep their order. */
export function groupOrder(
  table: Table,
  { group, date }: { group: string | readonly string[]; date: string },
): GroupOrder {
  const days = datesOf(table, date).map((ms) => ms / 86_400_000);
  const keys = (typeof group === "string" ? [group] : group).map((name) => encode(table, name).codes);
  const compare = (a: number, b: number): number => {
    for (const codes of keys) if (codes[a] !== codes[b]) return codes[a]! - codes[b]!;
    return 0;
  };
  const rows = Int32Array.from({ length: table.numRows }, (_, i) => i);
  rows.sort((a, b) => compare(a, b) || days[a]! - days[b]! || a - b);
  const starts = Uint8Array.from(rows, (row, i) => (i === 0 || compare(rows[i - 1]!, row) !== 0 ? 1 : 0));
  return { rows, starts, days };
}
