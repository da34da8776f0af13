import { TensorError } from "@fai/tensor";
import { type ColumnKind, columnNames, encode, kindOf, type Table } from "./arrow.js";

/** A value that a category may have. */
export type CategoryValue = string | number | boolean;

/** The categories of a column: value i has the code i + 1; 0 stands for missing and for whatever was not seen. */
export interface Categories {
  /** What the column held. */
  readonly kind: ColumnKind;
  readonly values: readonly CategoryValue[];
}

/** Options of `trainCats`. */
export interface TrainCatsOptions {
  /** Columns to take as categories (all that hold texts). */
  columns?: readonly string[];
  /** The order of a column's categories where it matters (ascending): { size: ["S", "M", "L"] }. Values that are not named are unseen. */
  order?: Readonly<Record<string, readonly CategoryValue[]>>;
}

/** The categories of columns of a training table. Throws on a column with no value at all. */
export function trainCats(table: Table, { columns, order = {} }: TrainCatsOptions = {}): Record<string, Categories> {
  const names = columns ?? columnNames(table).filter((name) => kindOf(table, name) === "text");
  return Object.fromEntries(
    names.map((name) => {
      const { codes, values } = encode(table, name);
      return [name, categoriesOf(name, seenValues(codes, values), { kind: kindOf(table, name), order: order[name] })];
    }),
  );
}

/** The codes of another table's columns by the categories of the training table: 0 for missing and unseen values. */
export function applyCats(table: Table, categories: Readonly<Record<string, Categories>>): Record<string, Int32Array> {
  return Object.fromEntries(Object.entries(categories).map(([name, column]) => [name, codesOf(table, name, column)]));
}

/** The codes of one column; throws when it holds another kind of value than in training, where nothing would ever match. */
export function codesOf(table: Table, name: string, { kind, values }: Categories): Int32Array {
  const encoded = encode(table, name);
  const codes = new Map(values.map((value, i) => [value, i + 1]));
  const given = encoded.values.length === 0 ? kind : kindOf(table, name);
  if (given !== kind) {
    throw new TensorError(
      "applyCats",
      `column ${name} holds ${given}s, in training it held ${kind}s: no category would match. Convert it, or give its type when reading?`,
    );
  }
  const translated = Int32Array.from(encoded.values, (value) => codes.get(value) ?? 0);
  return encoded.codes.map((code) => (code < 0 ? 0 : translated[code]!));
}

/** Those values that some row has. */
export function seenValues(codes: Int32Array, values: readonly CategoryValue[], rows?: Int32Array): CategoryValue[] {
  const seen = new Uint8Array(values.length);
  if (rows) for (const row of rows) if (codes[row]! >= 0) seen[codes[row]!] = 1;
  if (!rows) for (const code of codes) if (code >= 0) seen[code] = 1;
  return values.filter((_, i) => seen[i] === 1);
}

/** Categories in their order; throws when there are none. */
export function categoriesOf(
  name: string,
  values: readonly CategoryValue[],
  { kind, order }: { kind: ColumnKind; order?: readonly CategoryValue[] | undefined },
): Categories {
  if (order) return { kind, values: order };
  if (values.length === 0)
    throw new TensorError("trainCats", `column ${name} has no value in any training row. Leave it out.`);
  const ascending = (a: CategoryValue, b: CategoryValue) => (a < b ? -1 : a > b ? 1 : 0);
  return { kind, values: [...values].sort(ascending) };
}
