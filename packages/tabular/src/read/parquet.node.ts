import { TensorError } from "@fai/tensor";
import { asyncBufferFromFile, parquetMetadataAsync, parquetScan, parquetSchema, type SchemaTree } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { type Cell, type ColumnValues, type Table, tableOf } from "../arrow.js";
import type { TextKind } from "../inferColumn.js";

/** Options of `readParquet` and `streamParquet`. */
export interface ParquetOptions {
  /** Only these columns, in this order (all). */
  columns?: readonly string[];
  /** Columns to read as texts, whatever the file says they hold: ids that are too large for numbers. */
  asText?: readonly string[];
  /** The most rows of a streamed table (50,000). A row group of the file is read at once. */
  batchRows?: number;
}

/** A Parquet file as one table, all columns or some; every codec is read. */
export async function readParquet(path: string, options: Omit<ParquetOptions, "batchRows"> = {}): Promise<Table> {
  const reader = await ParquetReader.open(path, options);
  const parts = reader.names.map(() => [] as ColumnValues[]);
  for await (const columns of reader.groups()) for (const [i, part] of columns.entries()) parts[i]!.push(part);
  return reader.table(parts.map(joined));
}

/**
 * A Parquet file as tables of at most `batchRows` rows, row group by row group: the file may be larger than the memory. Columns hold what the
 * file's schema says: numbers (as doubles), texts, booleans, dates; nested ones become JSON texts. Throws, naming the column, on whole numbers
 * that a double does not hold.
 */
export async function* streamParquet(path: string, options: ParquetOptions = {}): AsyncGenerator<Table, void, void> {
  const { batchRows = 50_000 } = options;
  if (!(batchRows >= 1)) throw new TensorError("readParquet", `batchRows is ${batchRows}, expected at least 1.`);
  const reader = await ParquetReader.open(path, options);
  for await (const columns of reader.groups()) {
    const rows = columns[0]!.length;
    for (let at = 0; at < rows; at += batchRows)
      yield reader.table(columns.map((values) => values.slice(at, at + batchRows)));
  }
}

type Scan = Awaited<ReturnType<typeof parquetScan>>;

/** An open file. */
class ParquetReader {
  readonly names: readonly string[];
  private readonly path: string;
  private readonly kinds: Readonly<Record<string, TextKind>>;
  private readonly scan: Scan;

  private constructor(path: string, kinds: Readonly<Record<string, TextKind>>, scan: Scan) {
    this.path = path;
    this.names = Object.keys(kinds);
    this.kinds = kinds;
    this.scan = scan;
  }

  static async open(path: string, { columns, asText = [] }: ParquetOptions): Promise<ParquetReader> {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file).catch((cause: unknown) => {
      throw new TensorError("readParquet", `${path} is no Parquet file: ${(cause as Error).message}`, { cause });
    });
    if (metadata.num_rows === 0n) throw new TensorError("readParquet", `${path} has no rows.`);
    const trees = new Map(parquetSchema(metadata).children.map((tree) => [tree.element.name, tree]));
    for (const name of [...(columns ?? []), ...asText]) {
      if (trees.has(name)) continue;
      const all = [...trees.keys()].join(", ");
      throw new TensorError("readParquet", `${path} has no column ${JSON.stringify(name)}; it has ${all}.`);
    }
    const names = columns ?? [...trees.keys()];
    const kinds = Object.fromEntries(
      names.map((name) => [name, asText.includes(name) ? "text" : kindOf(trees.get(name)!)]),
    );
    return new ParquetReader(path, kinds, await parquetScan({ file, metadata, compressors, columns: [...names] }));
  }

  /** The columns of each row group. */
  async *groups(): AsyncGenerator<ColumnValues[], void, void> {
    for (const { rowStart, rowEnd } of this.scan.ranges) {
      const columns: ColumnValues[] = [];
      for (const name of this.names)
        columns.push(this.valuesOf(name, await this.scan.readColumn({ column: name, rowStart, rowEnd }), rowStart));
      yield columns;
    }
  }

  table(columns: readonly ColumnValues[]): Table {
    return tableOf(Object.fromEntries(this.names.map((name, i) => [name, columns[i]!])), { kinds: this.kinds });
  }

  private valuesOf(name: string, values: ArrayLike<unknown>, first: number): ColumnValues {
    const kind = this.kinds[name]!;
    if (kind === "text") return Array.from(values, textOf);
    if (kind !== "number") return Array.from(values, (value) => (value ?? null) as Cell);
    return Float64Array.from(values, (value, i) => {
      if (value === null || value === undefined) return Number.NaN;
      const number = Number(value);
      if (typeof value !== "bigint" || Number.isSafeInteger(number)) return number;
      throw new TensorError(
        "readParquet",
        `${this.path}: ${name} of row ${first + i} is ${value}, beyond what a number holds exactly. Read it as text: { asText: [${JSON.stringify(name)}] }.`,
      );
    });
  }
}

/** What a column holds, by the file's schema. */
function kindOf({ element, children }: SchemaTree): TextKind {
  const { type, logical_type: logical, converted_type: converted = "" } = element;
  if (children.length > 0 || element.repetition_type === "REPEATED") return "text";
  if (type === "BOOLEAN") return "boolean";
  if (type === "INT96" || logical?.type === "DATE" || logical?.type === "TIMESTAMP") return "date";
  if (/^(DATE|TIMESTAMP)/.test(converted)) return "date";
  if (logical?.type === "DECIMAL" || logical?.type === "FLOAT16" || converted === "DECIMAL") return "number";
  return type === "BYTE_ARRAY" || type === "FIXED_LEN_BYTE_ARRAY" ? "text" : "number";
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== "object") return String(value);
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? Number(inner) : inner));
}

/** The parts of a column in one: typed arrays stay typed. */
function joined(parts: readonly ColumnValues[]): ColumnValues {
  if (!parts.every((part) => part instanceof Float64Array)) return parts.flatMap((part) => [...(part as Cell[])]);
  const all = new Float64Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
