import { TensorError } from "@fai/tensor";
import { type ColumnTable, fromArrow } from "arquero";
import { columnNames, columnOf, decodeArrow, encodeArrow, type Table, withColumns } from "./arrow.js";

/** Column that remembers the order of rows during a join. */
const place = "(place)";

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
 * The left table with the columns of its partners in the right one. Throws when a left row has none (name it in `unmatched` otherwise), and
 * when one has several, which would multiply rows.
 */
export function leftJoin(
  left: Table,
  right: Table,
  { on, suffix = "_y", unmatched = "error" }: LeftJoinOptions,
): Table {
  const [leftKeys, rightKeys] = keysOf(on);
  for (const key of leftKeys) columnOf(left, key);
  for (const key of rightKeys) columnOf(right, key);
  const numbered = withColumns(left, { [place]: Int32Array.from({ length: left.numRows }, (_, i) => i) });
  const [a, b] = [toArquero(numbered), toArquero(right)];
  const keys: [string[], string[]] = [[...leftKeys], [...rightKeys]];
  if (unmatched === "error") {
    const lost = a.antijoin(b, keys as never);
    if (lost.numRows() > 0) {
      const example = leftKeys.map((key) => `${key} ${String(lost.get(key, 0))}`).join(", ");
      throw new TensorError(
        "leftJoin",
        `${lost.numRows()} of ${left.numRows} rows have no partner, such as ${example}. Pass { unmatched: "keep" } to keep them?`,
      );
    }
  }
  const renamed = b.rename(
    Object.fromEntries(
      columnNames(right)
        .filter((name) => columnNames(left).includes(name) && !(rightKeys.includes(name) && leftKeys.includes(name)))
        .map((name) => [name, `${name}${suffix}`]),
    ),
  );
  const rightNames = rightKeys.map((name) =>
    leftKeys.includes(name) || !columnNames(left).includes(name) ? name : `${name}${suffix}`,
  );
  const joined = a.join_left(renamed, [keys[0], rightNames] as never);
  if (joined.numRows() > left.numRows) {
    throw new TensorError(
      "leftJoin",
      `${left.numRows} rows became ${joined.numRows()}: ${rightKeys.join(", ")} stand several times in the right table.`,
    );
  }
  const extra = rightNames.filter((name) => !leftKeys.includes(name) && joined.columnNames().includes(name));
  const doubled = joined.columnNames().filter((name) => leftKeys.some((key) => name === `${key}_2`));
  const one = joined.columnNames().filter((name) => leftKeys.some((key) => name === `${key}_1`));
  // arquero puts rows without a partner at the end.
  const clean = joined.orderby(place).rename(Object.fromEntries(one.map((name) => [name, name.slice(0, -2)])));
  const kept = clean.columnNames().filter((name) => name !== place && !doubled.includes(name) && !extra.includes(name));
  return fromArquero(clean.select(...kept));
}

function keysOf(on: LeftJoinOptions["on"]): [readonly string[], readonly string[]] {
  if (typeof on === "string") return [[on], [on]];
  const [first, second] = on;
  if (Array.isArray(first) && Array.isArray(second)) return [first as string[], second as string[]];
  return [on as readonly string[], on as readonly string[]];
}
