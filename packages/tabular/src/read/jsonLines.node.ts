import { TensorError } from "@fai/tensor";
import { type Cell, type ColumnValues, type Table, tableOf } from "../arrow.js";
import { parseCell, type TextKind } from "../inferColumn.js";
import { linesOf } from "./openText.node.js";

/** Options of `readJsonLines` and `streamJsonLines`. */
export interface JsonLinesOptions {
  /** What columns hold; those that are not named are found from their values. Dates are texts in JSON: they have to be named. */
  types?: Readonly<Record<string, TextKind>>;
  /** Only these columns, in this order (all that the first table's rows have). */
  columns?: readonly string[];
  /** Rows of a streamed table (50,000). Columns and types are found from the first of them. */
  batchRows?: number;
}

/** A file with one JSON object a line (also gzipped) as one table; see `streamJsonLines`. */
export async function readJsonLines(path: string, options: Omit<JsonLinesOptions, "batchRows"> = {}): Promise<Table> {
  for await (const table of streamJsonLines(path, { ...options, batchRows: Number.POSITIVE_INFINITY })) return table;
  throw new TensorError("readJsonLines", `${path} has no rows.`);
}

/**
 * A file with one JSON object a line (also gzipped) as tables of `batchRows` rows; only one of them is held. A field that an object lacks is
 * missing; lists and objects in fields become JSON texts. Throws, naming the line, on one that is no object, on a value of another type than
 * its column's, and on a field that no row of the first table has.
 */
export async function* streamJsonLines(
  path: string,
  { types = {}, columns, batchRows = 50_000 }: JsonLinesOptions = {},
): AsyncGenerator<Table, void, void> {
  if (!(batchRows >= 1)) throw new TensorError("readJsonLines", `batchRows is ${batchRows}, expected at least 1.`);
  const wanted = columns && new Set(columns);
  let kinds: Map<string, TextKind> | undefined;
  let batch = new Rows(path, columns ?? []);
  let line = 0;
  const flush = (): Table => {
    kinds ??= new Map([...batch.columns].map(([name, { kind }]) => [name, types[name] ?? kind ?? "number"]));
    const table = batch.table(kinds);
    batch = new Rows(path, [...kinds.keys()]);
    return table;
  };
  for await (const text of linesOf(path)) {
    line++;
    if (text.trim() === "") continue;
    for (const [name, value] of Object.entries(objectOf(path, line, text))) {
      if (wanted && !wanted.has(name)) continue;
      if (kinds && !kinds.has(name)) {
        throw new TensorError(
          "readJsonLines",
          `line ${line} of ${path} has a field ${JSON.stringify(name)}, which no row before has. Name all columns: { columns: [${[...kinds.keys(), name].map((key) => JSON.stringify(key)).join(", ")}] }.`,
        );
      }
      batch.add(name, value, line, types[name] ?? kinds?.get(name));
    }
    batch.endRow();
    if (batch.rows >= batchRows) yield flush();
  }
  if (batch.rows > 0) yield flush();
}

/** A column in the making. */
interface Column {
  readonly cells: Cell[];
  /** Undefined until there is a value. */
  kind: TextKind | undefined;
}

/** Rows that become one table. */
class Rows {
  readonly columns = new Map<string, Column>();
  rows = 0;
  private readonly path: string;

  constructor(path: string, names: readonly string[]) {
    this.path = path;
    for (const name of names) this.columns.set(name, { cells: [], kind: undefined });
  }

  /** Puts a field of the present row in its place; `kind` is what its column holds, where that is known. */
  add(name: string, value: unknown, line: number, kind: TextKind | undefined): void {
    const column = this.columnOf(name);
    const cell = typeof value === "object" && value !== null ? JSON.stringify(value) : (value as Cell);
    const read = kind === undefined ? cell : readAs(cell, kind);
    const own = read === null ? undefined : kindOfCell(read);
    if (read === undefined || (own && column.kind && own !== column.kind)) {
      const before = kind ?? column.kind;
      throw new TensorError(
        "readJsonLines",
        `line ${line} of ${this.path}: ${name} is ${JSON.stringify(value)}, and a ${before} before. Pass { types: { ${JSON.stringify(name)}: "text" } }?`,
      );
    }
    column.kind ??= own;
    column.cells.push(read);
  }

  endRow(): void {
    this.rows++;
    for (const { cells } of this.columns.values()) if (cells.length < this.rows) cells.push(null);
  }

  table(kinds: ReadonlyMap<string, TextKind>): Table {
    const made = [...this.columns].map(([name, { cells }]): [string, ColumnValues] => [
      name,
      // Always doubles: whole numbers in one table may be followed by others in the next.
      kinds.get(name) === "number" ? Float64Array.from(cells, (cell) => (cell as number | null) ?? Number.NaN) : cells,
    ]);
    return tableOf(Object.fromEntries(made), { kinds: Object.fromEntries(kinds) });
  }

  private columnOf(name: string): Column {
    let column = this.columns.get(name);
    if (!column) this.columns.set(name, (column = { cells: new Array<Cell>(this.rows).fill(null), kind: undefined }));
    return column;
  }
}

const noGaps: ReadonlySet<string> = new Set([""]);

/** A value of JSON as a cell of that kind; undefined when it is none. */
function readAs(cell: Cell, kind: TextKind): Cell | undefined {
  if (cell === null) return null;
  if (kind === "text") return String(cell);
  if (typeof cell === "string" && kind === "date") return parseCell(cell, kind, noGaps);
  return typeof cell === kind ? cell : undefined;
}

function kindOfCell(cell: Cell): TextKind {
  if (cell instanceof Date) return "date";
  return typeof cell === "string" ? "text" : (typeof cell as "number" | "boolean");
}

function objectOf(path: string, line: number, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    throw new TensorError("readJsonLines", `line ${line} of ${path} is no JSON: ${text.slice(0, 60)}`, { cause });
  }
  throw new TensorError("readJsonLines", `line ${line} of ${path} is no object: ${text.slice(0, 60)}`);
}
