import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  prepareRossmann,
  readRossmann,
  rossmannCategorical,
  rossmannContinuous,
  rowsBetween,
} from "../../../examples/data/rossmann.js";
import { columnNames, kindOf, numbersOf, readCsv, rowsOf, type Table } from "../src/index.js";
import { writeRossmannFolder } from "./rossmannFolder.js";

let folder = "";
let table: Table;
let test_: Table;
let rows: Record<string, unknown>[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rossmann-"));
  writeRossmannFolder(folder);
  ({ table, test: test_ } = prepareRossmann(await readRossmann(folder)));
  rows = rowsOf(table);
});
afterAll(() => rm(folder, { recursive: true }));
const at = (date: string, store: number) => rows.find((row) => row.Date === Date.parse(date) && row.Store === store)!;

describe("Rossmann's tables", () => {
  test("days with sales, and every test row; all columns of the course", () => {
    expect(Math.min(...numbersOf(table, "Sales"))).toBeGreaterThan(0);
    expect([...numbersOf(test_, "Id")]).toEqual(Array.from({ length: 48 * 6 }, (_, i) => i + 1));
    expect([rossmannCategorical.length, rossmannContinuous.length]).toEqual([22, 16]);
    for (const name of [...rossmannCategorical, ...rossmannContinuous]) expect(columnNames(table)).toContain(name);
    expect(kindOf(table, "Events")).toBe("text");
  });

  test("each row has its state's weather and searches, by day and by week", async () => {
    const { weather, googletrend } = await readRossmann(folder);
    const row = at("2014-08-05", 1); // a Tuesday in the week of Sunday, August 10th
    expect(row.State).toBe("HB,NI");
    const measured = rowsOf(weather).find(
      ({ file, Date: ms }) => file === "Niedersachsen" && ms === Date.parse("2014-08-05"),
    )!;
    for (const name of ["Max_TemperatureC", "Mean_TemperatureC", "Min_TemperatureC", "CloudCover", "Events"])
      expect(row[name], name).toBe(measured[name]);
    const trend = (file: string) =>
      rowsOf(googletrend).find((one) => one.file === file && String(one.week).startsWith("2014-08-10"))!.trend;
    expect([row.trend, row.trend_DE]).toEqual([trend("Rossmann_DE_NI"), trend("Rossmann_DE")]);
  });

  test("events are counted over closed days too, and reach into the test's period", () => {
    const row = at("2014-01-03", 1);
    expect([row.AfterStateHoliday, row.StateHoliday, row.StateHoliday_bw]).toEqual([2, 0, 1]);
    expect(row.BeforeStateHoliday).toBe(-118); // May 1st
    expect(at("2014-12-22", 1).BeforeStateHoliday).toBe(-3);
    expect(at("2014-12-22", 1).StateHoliday_fw).toBe(1);
    const [early] = rowsOf(test_).filter(({ Date: ms, Store }) => ms === Date.parse("2015-08-03") && Store === 1);
    expect(early!.SchoolHoliday_bw).toBe(7); // six of these days are in the training table
    expect([row.Promo_fw, row.Promo_bw].every((n) => (n as number) >= 0 && (n as number) <= 5)).toBe(true);
  });

  test("competition and the long promotion, with the course's limits", () => {
    expect([at("2014-03-17", 5), at("2014-01-15", 5)].map((row) => row.CompetitionMonthsOpen)).toEqual([1, 0]);
    expect(at("2014-03-17", 2)).toMatchObject({ CompetitionMonthsOpen: 24, CompetitionOpenSinceYear: 2008 });
    expect(at("2014-03-17", 1)).toMatchObject({ CompetitionMonthsOpen: 0, CompetitionOpenSinceYear: 1900 });
    expect(at("2014-03-17", 3)).toMatchObject({ Promo2Weeks: 25, Promo2SinceYear: 2010, CompetitionDistance: null });
    // week 14 of 2015 begins on March 30th
    expect(["2015-03-30", "2015-04-06", "2015-04-11"].map((date) => at(date, 4).Promo2Weeks)).toEqual([0, 1, 1]);
  });

  test("rows without a partner, and files that are not there, are errors", async () => {
    const tables = await readRossmann(folder);
    const weather = tables.weather.slice(0, 10);
    expect(() => prepareRossmann({ ...tables, weather })).toThrow(
      /\[leftJoin\] .* rows have no partner, such as State/,
    );
    const googletrend = tables.googletrend.slice(0, 100);
    expect(() => prepareRossmann({ ...tables, googletrend })).toThrow(/rows have no partner, such as State/);
    const store_states = tables.store_states.slice(0, 2);
    expect(() => prepareRossmann({ ...tables, store_states })).toThrow(/4 of 6 rows have no partner, such as Store/);
    await expect(readRossmann(join(folder, "nowhere"))).rejects.toThrow("lacks train.csv, test.csv, store.csv");
    expect(() => rowsBetween(table, "2016-01-01", "2016-02-01")).toThrow(
      "the table goes from 2013-01-02 to 2015-07-31",
    );
  });
});

test("the example trains on such a folder, beats last year's sales, and writes the submission", async () => {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const out = join(folder, "submission.csv");
  const args = ["tools/example.mjs", "lesson3", "--data", folder, "--out", out, "--epochs", "14", "--lr", "3e-4"];
  const output = execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  const figures = JSON.parse(output.trim().split("\n").at(-1)!) as Record<string, number>;
  expect(figures.rmspe).toBeLessThan(0.25);
  expect(figures.rmspe).toBeLessThan(figures.rmspe_seasonal_naive!);
  expect(figures.valid_rows).toBe(rowsBetween(table, "2014-08-01", "2014-09-17").length);
  const submission = await readCsv(out);
  expect(columnNames(submission)).toEqual(["Id", "Sales"]);
  expect([...numbersOf(submission, "Id")]).toEqual([...numbersOf(test_, "Id")]);
  const predicted = numbersOf(submission, "Sales");
  const closed = rowsOf(test_).map(({ DayOfWeek }) => DayOfWeek === 7);
  expect(predicted.every((sales, i) => (closed[i] ? sales >= 0 : sales > 1000))).toBe(true);

  await writeFile(join(folder, "store.csv"), (await readFile(join(folder, "store.csv"), "utf8")).replace(/\n6,.*/, ""));
  expect(() => execFileSync(process.execPath, args, { cwd: root, stdio: "pipe" })).toThrow(
    /have no partner, such as Store 6/,
  );
}, 180_000);
