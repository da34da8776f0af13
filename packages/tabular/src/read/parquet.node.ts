import { TensorError } from "@fai/tensor";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { type Cell, type Table, tableOf } from "../arrow.js";

/** A Parquet file as a table, all columns or some; every codec is read. */
export async function readParquet(path: string, { columns }: { columns?: readonly string[] } = {}): Promise<Table> {
  const file = await asyncBufferFromFile(path);
  const rows = (await parquetReadObjects({ file, compressors, ...(columns && { columns: [...columns] }) })) as Record<
    string,
    Cell
  >[];
  if (rows.length === 0) throw new TensorError("readParquet", `${path} has no rows.`);
  return tableOf(Object.fromEntries(Object.keys(rows[0]!).map((name) => [name, rows.map((row) => row[name])])));
}
