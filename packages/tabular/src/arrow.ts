/** The one door to Apache Arrow: what the rest of the package needs of it, so that replacing it is this file's work. */
import { TensorError } from "@fai/tensor";
import {
  Table as ArrowTable,
  Bool,
  type Data,
  DataType,
  DateMillisecond,
  Dictionary,
  Float64,
  Int32,
  makeVector,
  RecordBatch,
  RecordBatchReader,
  RecordBatchStreamWriter,
  type Schema,
  Struct,
  tableFromIPC,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";

/** An Apache Arrow table: columns by name, in record batches. */
export type Table = ArrowTable;

/** What a cell may be where tables are made of plain values; missing is null, undefined or NaN. */
export type Cell = string | number | bigint | boolean | Date | null | undefined;

/** Values of a column: an array of cells, or a typed array. */
export type ColumnValues = readonly Cell[] | Float32Array | Float64Array | Int32Array | Uint8Array;

/** What a column holds, as far as preparing it matters. */
export type ColumnKind = "number" | "text" | "boolean" | "date" | "other";

/** Options of `tableOf`. */
export interface TableOfOptions {
  /** What columns hold, where their values may all be missing. */
  kinds?: Readonly<Record<string, Exclude<ColumnKind, "other">>>;
}

/** A table of columns by name. The type of each is found from its values; throws on mixed types and on columns of different lengths. */
export function tableOf(columns: Readonly<Record<string, ColumnValues>>, { kinds = {} }: TableOfOptions = {}): Table {
  const entries = Object.entries(columns);
  const rows = entries[0]?.[1].length ?? 0;
  for (const [name, values] of entries) {
    if (values.length !== rows)
      throw new TensorError("tableOf", `column ${name} has ${values.length} rows, ${entries[0]![0]} has ${rows}.`);
  }
  return new ArrowTable(
    Object.fromEntries(entries.map(([name, values]) => [name, vectorOf(name, values, kinds[name])])),
  );
}

/** The table with columns added, or replaced where a name exists. */
export function withColumns(table: Table, columns: Readonly<Record<string, ColumnValues>>): Table {
  const made = Object.entries(columns).map(([name, values]) => {
    if (values.length !== table.numRows)
      throw new TensorError("withColumns", `column ${name} has ${values.length} rows, the table ${table.numRows}.`);
    return [name, vectorOf(name, values)] as const;
  });
  const kept = columnNames(table).map((name) => [name, table.getChild(name)!] as const);
  return new ArrowTable(Object.fromEntries([...kept, ...made]) as Record<string, Vector>);
}

/** The table without some columns; names that it does not have are an error. */
export function withoutColumns(table: Table, names: readonly string[]): Table {
  for (const name of names) columnOf(table, name);
  return table.select(columnNames(table).filter((name) => !names.includes(name)));
}

/** The table with columns under other names. */
export function renameColumns(table: Table, names: Readonly<Record<string, string>>): Table {
  const columns = columnNames(table).map((name) => [names[name] ?? name, table.getChild(name)!] as const);
  return new ArrowTable(Object.fromEntries(columns) as Record<string, Vector>);
}

/** The rows of a table at `index`, in that order; where that is -1, all is missing. */
export function takeRows(table: Table, index: ArrayLike<number>): Table {
  const kinds = Object.fromEntries(columnNames(table).map((name) => [name, kindOf(table, name)] as const));
  const columns = Object.entries(kinds).map(([name, kind]): [string, ColumnValues] => {
    if (kind === "number") {
      const numbers = numbersOf(table, name);
      return [name, Float64Array.from(index, (row) => numbers[row]!)];
    }
    const cells = cellsOf(table, name);
    const dated = (cell: Cell) => (kind === "date" && cell !== null ? new Date(cell as number) : cell);
    return [name, Array.from(index, (row) => dated(cells[row] ?? null))];
  });
  const known = Object.entries(kinds).filter((entry): entry is [string, "number"] => entry[1] !== "other");
  return tableOf(Object.fromEntries(columns), { kinds: Object.fromEntries(known) });
}

/** Names of the columns, in their order. Throws when one stands twice. */
export function columnNames(table: Table): string[] {
  const names = table.schema.fields.map((field) => field.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TensorError("table", `two columns are called ${twice}. Rename one.`);
  return names;
}

/** The column called `name`; throws when there is none, with the names that there are. */
export function columnOf(table: Table, name: string): Vector {
  const column = columnNames(table).includes(name) ? table.getChild(name) : null;
  if (column) return column;
  throw new TensorError(
    "table",
    `there is no column ${JSON.stringify(name)}; the table has ${columnNames(table).join(", ") || "none"}.`,
  );
}

/** What the column called `name` holds. */
export function kindOf(table: Table, name: string): ColumnKind {
  const type: DataType = columnOf(table, name).type;
  const inner: DataType = DataType.isDictionary(type) ? type.dictionary : type;
  if (DataType.isInt(inner) || DataType.isFloat(inner) || DataType.isDecimal(inner)) return "number";
  if (DataType.isUtf8(inner) || DataType.isLargeUtf8(inner)) return "text";
  if (DataType.isBool(inner)) return "boolean";
  return DataType.isDate(inner) || DataType.isTimestamp(inner) ? "date" : "other";
}

/** The cells of a column as plain values: texts, numbers, booleans; dates as milliseconds since 1970 (UTC); missing ones as null. */
export function cellsOf(table: Table, name: string): (string | number | boolean | null)[] {
  const column = columnOf(table, name);
  return Array.from({ length: table.numRows }, (_, i) => plain(column.get(i)));
}

/** The numbers of a column, missing ones as NaN; booleans are 0 and 1, dates milliseconds since 1970. Throws for texts. */
export function numbersOf(table: Table, name: string): Float64Array {
  const column = columnOf(table, name);
  const kind = kindOf(table, name);
  if (kind === "text" || kind === "other") {
    throw new TensorError(
      "table",
      `column ${name} holds ${kind === "text" ? "texts" : String(column.type)}, expected numbers. Is it a category?`,
    );
  }
  const out = new Float64Array(table.numRows);
  let at = 0;
  for (const chunk of column.data) {
    const values = directValues(chunk);
    if (values) {
      out.set(values, at);
      if (chunk.nullCount > 0) for (let i = 0; i < chunk.length; i++) if (!isValid(chunk, i)) out[at + i] = Number.NaN;
    } else {
      for (let i = 0; i < chunk.length; i++) {
        const cell = plain(column.get(at + i));
        out[at + i] = cell === null ? Number.NaN : Number(cell);
      }
    }
    at += chunk.length;
  }
  return out;
}

/** A column as indices into its distinct values; missing ones are -1. Dictionary columns are not decoded. */
export interface Encoded {
  readonly codes: Int32Array;
  readonly values: readonly (string | number | boolean)[];
}

/** The distinct values of a column in order of appearance (dictionaries: in their own order), and which of them each row has. */
export function encode(table: Table, name: string): Encoded {
  const column = columnOf(table, name);
  const known = new Map<string | number | boolean, number>();
  const codes = new Int32Array(table.numRows);
  const codeOf = (cell: string | number | boolean | null): number => {
    if (cell === null) return -1;
    let code = known.get(cell);
    if (code === undefined) known.set(cell, (code = known.size));
    return code;
  };
  let at = 0;
  for (const chunk of column.data) {
    const dictionary = (chunk as Data & { dictionary?: Vector }).dictionary;
    if (DataType.isDictionary(chunk.type) && dictionary) {
      const translated = Int32Array.from({ length: dictionary.length }, (_, i) => codeOf(plain(dictionary.get(i))));
      const indices = chunk.values as ArrayLike<number>;
      for (let i = 0; i < chunk.length; i++)
        codes[at + i] = chunk.nullCount > 0 && !isValid(chunk, i) ? -1 : translated[Number(indices[i])]!;
    } else {
      const numbers = directValues(chunk);
      for (let i = 0; i < chunk.length; i++) {
        const cell = numbers ? numbers[i]! : plain(column.get(at + i));
        codes[at + i] = codeOf(
          numbers && (Number.isNaN(cell) || (chunk.nullCount > 0 && !isValid(chunk, i))) ? null : cell,
        );
      }
    }
    at += chunk.length;
  }
  return { codes, values: [...known.keys()] };
}

/** The bytes of a table in Arrow's IPC file format (Feather 2). */
export function encodeArrow(table: Table): Uint8Array {
  return tableToIPC(table, "file");
}

/** The table in bytes of Arrow's IPC formats, file or stream. */
export function decodeArrow(bytes: Uint8Array): Table {
  try {
    return tableFromIPC(bytes);
  } catch (cause) {
    throw new TensorError(
      "decodeArrow",
      `the bytes are no Arrow file: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** The record batches of an Arrow stream or file as tables, one at a time, so that the whole need not fit into memory. */
export async function* batchesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Table, void, void> {
  const reader = await RecordBatchReader.from(source);
  for await (const batch of reader) yield new ArrowTable([batch]);
}

/**
 * The bytes of an Arrow stream of tables that have the same columns, one record batch after another. Each table may have texts of its own:
 * dictionaries are replaced as they change. Throws when a table's columns are of other names or types than the first one's.
 */
export async function* arrowStream(
  tables: AsyncIterable<Table> | Iterable<Table>,
): AsyncGenerator<Uint8Array, void, void> {
  const writer = new RecordBatchStreamWriter();
  const chunks = writer[Symbol.asyncIterator]();
  let schema: Schema | undefined;
  for await (const table of tables) {
    schema ??= table.schema;
    for (const batch of table.batches) {
      writer.write(withSchema(batch, schema));
      yield await nextChunk(chunks);
    }
  }
  writer.finish();
  for (let chunk = await chunks.next(); !chunk.done; chunk = await chunks.next()) yield chunk.value;
}

/** The batch under another schema, whose dictionaries have other ids. */
function withSchema(batch: RecordBatch, schema: Schema): RecordBatch {
  const listed = (fields: readonly { name: string; type: DataType }[]) =>
    fields.map(({ name, type }) => `${name} ${String(type)}`).join(", ");
  if (listed(batch.schema.fields) !== listed(schema.fields)) {
    throw new TensorError(
      "arrowStream",
      `a table has the columns ${listed(batch.schema.fields)}; the first had ${listed(schema.fields)}.`,
    );
  }
  const children = batch.data.children.map((child, i) => child.clone(schema.fields[i]!.type));
  return new RecordBatch(
    schema,
    batch.data.clone(new Struct(schema.fields), undefined, undefined, undefined, undefined, children),
  );
}

async function nextChunk(chunks: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const { value } = await chunks.next();
  return value as Uint8Array;
}

function vectorOf(name: string, values: ColumnValues, expected?: string): Vector {
  if (
    values instanceof Float32Array ||
    values instanceof Float64Array ||
    values instanceof Int32Array ||
    values instanceof Uint8Array
  ) {
    return makeVector(values) as Vector;
  }
  const kinds = new Set<string>();
  let whole = true;
  const cells = values.map((cell) => {
    if (cell === null || cell === undefined || (typeof cell === "number" && Number.isNaN(cell))) return null;
    kinds.add(cell instanceof Date ? "date" : typeof cell === "bigint" ? "number" : typeof cell);
    const plainCell = typeof cell === "bigint" ? Number(cell) : cell;
    whole &&= typeof plainCell !== "number" || (Number.isInteger(plainCell) && Math.abs(plainCell) < 2 ** 31);
    return plainCell;
  });
  if (kinds.size > 1)
    throw new TensorError(
      "table",
      `column ${name} holds ${[...kinds].sort().join(" and ")} values. Make them all of one type.`,
    );
  const [kind = expected === "text" ? "string" : (expected ?? "number")] = kinds;
  const type =
    kind === "string"
      ? new Dictionary(new Utf8(), new Int32())
      : kind === "boolean"
        ? new Bool()
        : kind === "date"
          ? new DateMillisecond()
          : whole && kinds.size > 0
            ? new Int32()
            : new Float64();
  return vectorFromArray(cells as never[], type as never);
}

function plain(cell: unknown): string | number | boolean | null {
  if (cell === null || cell === undefined) return null;
  if (typeof cell === "number") return Number.isNaN(cell) ? null : cell;
  if (typeof cell === "bigint") return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  if (cell instanceof Date) return cell.getTime();
  return typeof cell === "string" || typeof cell === "boolean" ? cell : String(cell);
}

/** The numbers of a chunk without a loop, where its memory holds them as they are. */
function directValues(chunk: Data): Float32Array | Float64Array | Int32Array | Uint8Array | Int16Array | undefined {
  const values: unknown = chunk.values;
  if (!DataType.isInt(chunk.type) && !(DataType.isFloat(chunk.type) && chunk.type.precision > 0)) return undefined;
  if (ArrayBuffer.isView(values) && !(values instanceof BigInt64Array) && !(values instanceof BigUint64Array)) {
    return (values as Float64Array).subarray(0, chunk.length);
  }
  return undefined;
}

function isValid({ nullBitmap, offset }: Data, i: number): boolean {
  return !nullBitmap || nullBitmap.length === 0 || ((nullBitmap[(offset + i) >> 3]! >> ((offset + i) & 7)) & 1) === 1;
}
