/*
 * A million rows of 8 columns (6 of numbers, 2 of texts) in Parquet, JSON lines and CSV: read as a whole and in parts, each in a process of its
 * own: rows a second, and the most memory that the process took.
 *
 *   npm run bench -- tabularFormats
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  readCsv,
  readJsonLines,
  readParquet,
  streamCsv,
  streamJsonLines,
  streamParquet,
  type Table,
} from "@fai/tabular";
import { Generator } from "@fai/tensor";
import { parquetWriteFile } from "hyparquet-writer";

const rows = 1_000_000;
const names = ["a", "b", "c", "d", "e", "f"];
const readers = { parquet: readParquet, jsonl: readJsonLines, csv: readCsv };
const streamers = { parquet: streamParquet, jsonl: streamJsonLines, csv: streamCsv };
type Kind = keyof typeof readers;

async function write(folder: string): Promise<void> {
  const generator = new Generator(0);
  const numbers = names.map(() => Float64Array.from({ length: rows }, () => generator.uniform()));
  const texts = [10, 1000].map((count) => Array.from({ length: rows }, () => `value ${generator.below(count)}`));
  const columnData = [
    ...names.map((name, k) => ({ name, data: numbers[k]!, type: "DOUBLE" as const })),
    ...texts.map((data, k) => ({ name: `t${k}`, data, type: "STRING" as const })),
  ];
  parquetWriteFile({ filename: join(folder, "rows.parquet"), columnData, rowGroupSize: 50_000 });
  const files = { jsonl: await open(join(folder, "rows.jsonl"), "w"), csv: await open(join(folder, "rows.csv"), "w") };
  await files.csv.write(`${columnData.map(({ name }) => name).join(",")}\n`);
  for (let at = 0; at < rows; at += 10_000) {
    const part = Array.from({ length: 10_000 }, (_, i) => columnData.map(({ data }) => data[at + i]!));
    await files.csv.write(`${part.map((row) => row.join(",")).join("\n")}\n`);
    const record = (row: (string | number)[]) =>
      JSON.stringify(Object.fromEntries(row.map((cell, k) => [columnData[k]!.name, cell])));
    await files.jsonl.write(`${part.map(record).join("\n")}\n`);
  }
  await files.jsonl.close();
  await files.csv.close();
}

/** In a process of its own: reads one file in one way and tells what it took. */
async function read(path: string, kind: Kind, inParts: boolean): Promise<void> {
  const base = process.resourceUsage().maxRSS;
  const start = performance.now();
  let [seen, parts] = [0, 0];
  const take = ({ numRows }: Table) => {
    seen += numRows;
    parts++;
  };
  if (inParts) for await (const table of streamers[kind](path)) take(table);
  else take(await readers[kind](path));
  const seconds = (performance.now() - start) / 1000;
  const figures = { kind, parts, rows: seen, rows_per_s: Math.round(seen / seconds) };
  const megabytes = (kilobytes: number) => Math.round(kilobytes / 1024);
  console.log(JSON.stringify({ ...figures, above_start_mb: megabytes(process.resourceUsage().maxRSS - base) }));
}

const [path, kind, way] = process.argv.slice(2);
if (path !== undefined) await read(path, kind as Kind, way === "parts");
else {
  const folder = await mkdtemp(join(tmpdir(), "fai-formats-"));
  try {
    await write(folder);
    for (const one of Object.keys(readers)) {
      for (const how of ["whole", "parts"]) {
        const args = [...process.execArgv, fileURLToPath(import.meta.url), join(folder, `rows.${one}`), one, how];
        spawnSync(process.execPath, args, { stdio: "inherit" });
      }
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}
