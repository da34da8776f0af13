import { TensorError } from "@fai/tensor";

/** A table with columns that are asked for by name, as Apache Arrow's. */
export interface NamedColumns {
  getChild(name: string): (Iterable<unknown> & { readonly length: number }) | null;
}

/** What ratings may be given in: a table (Apache Arrow's fits), columns by name, or a list of objects. */
export type RatingsTable =
  | NamedColumns
  | Readonly<Record<string, ArrayLike<unknown>>>
  | readonly Readonly<Record<string, unknown>>[];

/** A column by its name; throws when there is none, with the names that there are. */
export function columnOf(table: RatingsTable, name: string): ArrayLike<unknown> {
  if (Array.isArray(table)) {
    const rows = table as readonly Readonly<Record<string, unknown>>[];
    if (rows.length > 0 && !(name in rows[0]!)) throw missing(name, Object.keys(rows[0]!));
    return rows.map((row) => row[name]);
  }
  if (isNamed(table)) {
    const column = table.getChild(name);
    if (column === null)
      throw missing(
        name,
        (table as { schema?: { fields: { name: string }[] } }).schema?.fields.map((field) => field.name) ?? [],
      );
    return [...column];
  }
  const columns = table as Readonly<Record<string, ArrayLike<unknown>>>;
  const column = columns[name];
  if (column === undefined) throw missing(name, Object.keys(columns));
  return column;
}

/** The numbers of a column as f32; throws on anything else, naming the row. */
export function numbersOf(name: string, column: ArrayLike<unknown>): Float32Array {
  const numbers = new Float32Array(column.length);
  for (let i = 0; i < column.length; i++) {
    const value = column[i];
    const number =
      typeof value === "number"
        ? value
        : typeof value === "bigint"
          ? Number(value)
          : typeof value === "string" && value.trim() !== ""
            ? Number(value)
            : Number.NaN;
    if (!Number.isFinite(number))
      throw new TensorError(
        "CollabData",
        `${name} of row ${i} is ${value === "" ? "empty" : String(value)}, expected a number. Leave such rows out?`,
      );
    numbers[i] = number;
  }
  return numbers;
}

/** Ids as a CSV has them, all texts: as numbers when every one of them is a whole number written plainly, else as they are. */
export function parseIds(column: ArrayLike<string>): ArrayLike<string | number> {
  const numbers: number[] = [];
  for (let i = 0; i < column.length; i++) {
    const number = Number(column[i]);
    if (!Number.isSafeInteger(number) || String(number) !== column[i]) return column;
    numbers.push(number);
  }
  return numbers;
}

function isNamed(table: RatingsTable): table is NamedColumns {
  return typeof (table as { getChild?: unknown }).getChild === "function";
}

function missing(name: string, names: readonly string[]): TensorError {
  return new TensorError(
    "CollabData",
    `there is no column ${JSON.stringify(name)}; the table has ${names.map((n) => JSON.stringify(n)).join(", ") || "none"}.`,
  );
}
