import { createReadStream, createWriteStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { arrowStream, batchesOf, decodeArrow, encodeArrow, type Table } from "../arrow.js";

/** An Arrow IPC file (`.arrow`, Feather 2; not compressed) as a table. */
export async function readArrow(path: string): Promise<Table> {
  return decodeArrow(await readFile(path));
}

/** The record batches of an Arrow file or stream as tables, one at a time: a file may be larger than the memory. */
export function streamArrow(path: string): AsyncGenerator<Table, void, void> {
  return batchesOf(createReadStream(path, { highWaterMark: 2 ** 20 }));
}

/** Writes a table as an Arrow IPC file. */
export async function writeArrow(path: string, table: Table): Promise<void> {
  await writeFile(path, encodeArrow(table));
}

/** Writes tables with the same columns as one Arrow stream, batch by batch, without holding more than one. */
export async function writeArrowStream(path: string, tables: AsyncIterable<Table> | Iterable<Table>): Promise<void> {
  await pipeline(Readable.from(arrowStream(tables), { objectMode: true }), createWriteStream(path));
}
