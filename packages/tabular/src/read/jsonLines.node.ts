import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { TensorError } from "@fai/tensor";
import { type Cell, type Table, tableOf } from "../arrow.js";

/** A file with one JSON object a line (also gzipped, as `.gz`) as a table; a field that an object lacks is missing. Throws on a line that is none, naming it. */
export async function readJsonLines(path: string): Promise<Table> {
  const bytes = createReadStream(path);
  const input = path.endsWith(".gz") ? bytes.pipe(createGunzip()) : bytes;
  const columns = new Map<string, Cell[]>();
  let [rows, line] = [0, 0];
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line++;
    if (text.trim() === "") continue;
    for (const [name, value] of Object.entries(objectOf(path, line, text))) {
      if (!columns.has(name)) columns.set(name, new Array<Cell>(rows).fill(null));
      columns.get(name)!.push(typeof value === "object" && value !== null ? JSON.stringify(value) : (value as Cell));
    }
    rows++;
    for (const cells of columns.values()) if (cells.length < rows) cells.push(null);
  }
  if (rows === 0) throw new TensorError("readJsonLines", `${path} has no rows.`);
  return tableOf(Object.fromEntries(columns));
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
