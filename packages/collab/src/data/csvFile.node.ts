import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { parse } from "csv-parse/sync";

/** The lines of a CSV file (also gzipped, as `.gz`) as lists of texts, the names of the columns first. */
export async function readCsvFile(path: string): Promise<string[][]> {
  const bytes = await readFile(path);
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  return parse(plain, { bom: true, skip_empty_lines: true, relax_column_count: true });
}
