import { writeFile } from "node:fs/promises";
import { TensorError } from "@fai/tensor";
import { parse } from "csv-parse";
import { type Cell, type ColumnValues, cellsOf, columnNames, kindOf, type Table, tableOf } from "../arrow.js";
import { inferKind, parseCell, type TextKind } from "../inferColumn.js";
import { openText } from "./openText.node.js";

/** Options of `readCsv` and `streamCsv`. */
export interface CsvOptions {
  /** What columns hold; those that are not named are found from their values. */
  types?: Readonly<Record<string, TextKind>>;
  /** Texts that stand for a missing value (["", "NA", "NaN", "null"]), compared without blanks around them. */
  missing?: readonly string[];
  /** What stands between fields (","). */
  delimiter?: string;
  /** Only these columns (all). */
  columns?: readonly string[];
  /** Whether blanks around texts are cut off (false). */
  trim?: boolean;
  /** Rows of a streamed table (50,000). Types are found from the first of them. */
  batchRows?: number;
}

/** A CSV file (plain or gzipped) as one table; see `streamCsv`. */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<Table> {
  for await (const table of streamCsv(path, { ...options, batchRows: Number.POSITIVE_INFINITY })) return table;
  throw new TensorError("readCsv", `${path} has no rows.`);
}

/**
 * A CSV file (plain or gzipped) with names in its first line, as tables of `batchRows` rows. Fields may be quoted. Types are found from the
 * first table; throws, naming line and column, when a later value is not of its column's type, or a line has other fields than names.
 */
export async function* streamCsv(path: string, options: CsvOptions = {}): AsyncGenerator<Table, void, void> {
  const {
    types = {},
    missing = ["", "NA", "NaN", "null"],
    delimiter = ",",
    columns,
    trim = false,
    batchRows = 50_000,
  } = options;
  const gaps = new Set(missing);
  const plain = await openText(path);
  const parser = parse({ bom: true, skip_empty_lines: true, delimiter, trim });
  plain.on("error", (error: Error) => parser.destroy(error));
  let names: string[] | undefined;
  let kinds: Map<string, TextKind> | undefined;
  let rows: string[][] = [];
  let first = 2;
  const flush = (): Table => {
    const picked = pick(path, names!, columns);
    kinds ??= new Map(
      picked.map(([name, i]) => [
        name,
        types[name] ??
          inferKind(
            rows.map((row) => row[i]!),
            gaps,
          ),
      ]),
    );
    const made = picked.map(([name, i]): [string, ColumnValues] => {
      const kind = kinds!.get(name)!;
      const cells = rows.map((row, r) => cell(path, { name, text: row[i]!, line: first + r, kind, gaps }));
      // Always doubles: whole numbers in one part may be followed by others in the next.
      return [
        name,
        kind === "number" ? Float64Array.from(cells, (value) => (value as number | null) ?? Number.NaN) : cells,
      ];
    });
    first += rows.length;
    rows = [];
    return tableOf(Object.fromEntries(made), { kinds: Object.fromEntries(kinds) });
  };
  try {
    for await (const row of plain.pipe(parser) as AsyncIterable<string[]>) {
      if (names === undefined) {
        names = row;
        continue;
      }
      rows.push(row);
      if (rows.length >= batchRows) yield flush();
    }
  } catch (cause) {
    if (cause instanceof TensorError) throw cause;
    throw new TensorError(
      "readCsv",
      `${path} could not be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  } finally {
    plain.destroy();
  }
  if (rows.length > 0) yield flush();
}

function pick(path: string, names: readonly string[], columns: readonly string[] | undefined): [string, number][] {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TensorError("readCsv", `${path} has two columns called ${twice}. Rename one.`);
  return (columns ?? names).map((name) => {
    const i = names.indexOf(name);
    if (i < 0)
      throw new TensorError("readCsv", `${path} has no column ${JSON.stringify(name)}; it has ${names.join(", ")}.`);
    return [name, i];
  });
}

function cell(
  path: string,
  {
    name,
    text,
    line,
    kind,
    gaps,
  }: { name: string; text: string; line: number; kind: TextKind; gaps: ReadonlySet<string> },
): Cell {
  const value = parseCell(text, kind, gaps);
  if (value !== undefined) return value;
  throw new TensorError(
    "readCsv",
    `${path}: ${name} is ${JSON.stringify(text)} in record ${line - 1}, and a ${kind} before. Pass { types: { ${JSON.stringify(name)}: "text" } }?`,
  );
}

/** Writes a table as a CSV file with names in its first line: what Kaggle takes. Missing values are empty; dates are written as ISO 8601. */
export async function writeCsv(path: string, table: Table): Promise<void> {
  const names = columnNames(table);
  const columns = names.map((name) => ({ cells: cellsOf(table, name), date: kindOf(table, name) === "date" }));
  const quote = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [names.map(quote).join(",")];
  for (let i = 0; i < table.numRows; i++) {
    const cells = columns.map(({ cells, date }) =>
      cells[i] === null ? "" : date ? isoDate(cells[i] as number) : String(cells[i]),
    );
    lines.push(cells.map(quote).join(","));
  }
  await writeFile(path, `${lines.join("\n")}\n`);
}

function isoDate(ms: number): string {
  const text = new Date(ms).toISOString();
  return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10) : text;
}
