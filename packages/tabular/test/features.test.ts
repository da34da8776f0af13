import { describe, expect, test } from "vitest";
import {
  addDatepart,
  cellsOf,
  columnNames,
  describe as describeTable,
  elapsedEvents,
  fromArquero,
  kindOf,
  leftJoin,
  numbersOf,
  rollingSums,
  rowsOf,
  tableOf,
  toArquero,
} from "../src/index.js";

describe("addDatepart", () => {
  const dates = ["2016-02-29", "2015-12-31", "2016-01-01", "2018-06-30", null];
  const table = tableOf({ SaleDate: dates.map((d) => (d === null ? null : new Date(d))), id: [0, 1, 2, 3, 4] });

  test("every field, as pandas has them", () => {
    const rows = rowsOf(addDatepart(table, "SaleDate"));
    // pd.Series(pd.to_datetime([...])).dt, and isocalendar().week
    expect(rows[0]).toEqual({
      id: 0,
      SaleYear: 2016,
      SaleMonth: 2,
      SaleWeek: 9,
      SaleDay: 29,
      SaleDayofweek: 0,
      SaleDayofyear: 60,
      SaleIs_month_end: true,
      SaleIs_month_start: false,
      SaleIs_quarter_end: false,
      SaleIs_quarter_start: false,
      SaleIs_year_end: false,
      SaleIs_year_start: false,
      SaleElapsed: 1456704000,
    });
    expect(rows[1]).toMatchObject({
      SaleWeek: 53,
      SaleDayofyear: 365,
      SaleIs_quarter_end: true,
      SaleIs_year_end: true,
      SaleDayofweek: 3,
    });
    expect(rows[2]).toMatchObject({
      SaleWeek: 53,
      SaleDayofyear: 1,
      SaleIs_month_start: true,
      SaleIs_quarter_start: true,
      SaleIs_year_start: true,
    });
    expect(rows[3]).toMatchObject({ SaleWeek: 26, SaleDayofweek: 5, SaleIs_quarter_end: true, SaleIs_year_end: false });
    expect(rows[4]).toMatchObject({ SaleYear: null, SaleElapsed: null, SaleIs_month_end: false });
  });

  test("the date may stay, with the time, from texts, under another name", () => {
    const texts = tableOf({ when: ["2020-05-06T07:08:09Z"] });
    const made = addDatepart(texts, "when", { drop: false, time: true, prefix: "w" });
    expect(rowsOf(made)[0]).toMatchObject({ when: "2020-05-06T07:08:09Z", wHour: 7, wMinute: 8, wSecond: 9 });
    expect(() => addDatepart(tableOf({ when: ["soon"] }), "when")).toThrow(/when of row 0 is "soon"/);
    expect(() => addDatepart(table, "id")).toThrow(/id holds numbers, expected dates/);
    expect(() => addDatepart(table, "day")).toThrow(/no column "day"; the table has SaleDate, id/);
  });
});

const shops = tableOf({
  shop: ["b", "a", "b", "a", "a", "b"],
  date: ["2020-01-03", "2020-01-01", "2020-01-01", "2020-01-04", "2020-01-02", "2020-01-09"].map((d) => new Date(d)),
  promo: [0, 0, 1, 0, 1, 0],
  sales: [3, 1, 2, 8, 4, 16],
});

test("days since the last and until the next event, shop by shop", () => {
  const rows = rowsOf(elapsedEvents(shops, { group: "shop", date: "date", events: ["promo"] }));
  expect(rows.map((row) => row.Afterpromo)).toEqual([2, 0, 0, 2, 0, 8]);
  expect(rows.map((row) => row.Beforepromo)).toEqual([0, -1, 0, 0, 0, 0]);
  const gaps = elapsedEvents(shops, { group: "shop", date: "date", events: ["promo"], none: Number.NaN });
  expect([...numbersOf(gaps, "Beforepromo")]).toEqual([Number.NaN, -1, 0, Number.NaN, 0, Number.NaN]);
});

test("sums over windows in both directions, shop by shop", () => {
  const rows = rowsOf(rollingSums(shops, { group: ["shop"], date: "date", columns: ["sales"], window: 2 }));
  expect(rows.map((row) => row.sales_bw)).toEqual([5, 1, 2, 12, 5, 19]);
  expect(rows.map((row) => row.sales_fw)).toEqual([19, 5, 5, 8, 12, 16]);
  const past = rollingSums(shops, {
    group: "shop",
    date: "date",
    columns: ["sales"],
    window: 2,
    directions: ["backward"],
    excludeCurrent: true,
  });
  expect(rowsOf(past).map((row) => row.sales_bw)).toEqual([2, 0, 0, 5, 1, 5]);
});

describe("arquero", () => {
  test("there and back, with missing values and dates", () => {
    const table = tableOf({
      a: [1, null, 3],
      t: ["x", "y", null],
      d: [new Date(0), null, new Date(864e5)],
      b: [true, false, null],
    });
    const back = fromArquero(toArquero(table));
    expect(rowsOf(back)).toEqual(rowsOf(table));
    expect(columnNames(back).map((name) => kindOf(back, name))).toEqual(["number", "text", "date", "boolean"]);
    const summed = fromArquero(
      toArquero(shops).groupby("shop").rollup({ total: "d => op.sum(d.sales)" }).orderby("shop"),
    );
    expect(rowsOf(summed)).toEqual([
      { shop: "a", total: 13 },
      { shop: "b", total: 21 },
    ]);
  });

  test("a left join keeps rows and order, and refuses rows without a partner or with two", () => {
    const towns = tableOf({ shop: ["a", "b"], sales: [100, 200], town: ["Ulm", "Jena"] });
    const joined = leftJoin(shops, towns, { on: "shop" });
    expect(columnNames(joined)).toEqual(["shop", "date", "promo", "sales", "sales_y", "town"]);
    expect(cellsOf(joined, "town")).toEqual(["Jena", "Ulm", "Jena", "Ulm", "Ulm", "Jena"]);
    expect(() => leftJoin(shops, tableOf({ shop: ["a"], town: ["Ulm"] }), { on: "shop" })).toThrow(
      /3 of 6 rows have no partner, such as shop b/,
    );
    expect(
      cellsOf(leftJoin(shops, tableOf({ shop: ["a"], town: ["Ulm"] }), { on: "shop", unmatched: "keep" }), "town")[0],
    ).toBeNull();
    expect(() =>
      leftJoin(shops, tableOf({ shop: ["a", "b", "b"], town: ["Ulm", "Jena", "Gera"] }), { on: "shop" }),
    ).toThrow(/6 rows became 9/);
    const other = tableOf({ id: ["a", "b"], town: ["Ulm", "Jena"] });
    expect(columnNames(leftJoin(shops, other, { on: [["shop"], ["id"]] }))).toEqual([
      "shop",
      "date",
      "promo",
      "sales",
      "town",
    ]);
    expect(() => leftJoin(shops, other, { on: "shop" })).toThrow(/no column "shop"; the table has id, town/);
  });

  test("joins by dates and several keys; what has no partner is missing, in every kind of column", () => {
    const day = (text: string | null) => (text === null ? null : new Date(text));
    const left = tableOf({
      shop: ["a", "a", null, "b"],
      on: ["2020-01-01", "2020-01-02", "2020-01-01", null].map(day),
    });
    const right = tableOf({
      on: ["2020-01-02", "2020-01-01"].map(day),
      shop: ["a", "a"],
      since: ["2019-01-01", null].map(day),
      warm: [true, false],
      sun: [1.5, 2],
    });
    const joined = leftJoin(left, right, { on: ["shop", "on"], unmatched: "keep" });
    expect(rowsOf(joined).map(({ since, warm, sun }) => [since, warm, sun])).toEqual([
      [null, false, 2],
      [Date.UTC(2019, 0, 1), true, 1.5],
      [null, null, null],
      [null, null, null],
    ]);
    expect(() => leftJoin(left, right, { on: ["shop", "on"] })).toThrow(
      /2 of 4 rows have no partner, such as shop null/,
    );
    const numbered = tableOf({ shop: [1], x: [1] });
    expect(() => leftJoin(left, numbered, { on: "shop" })).toThrow(
      /shop holds texts on the left and numbers on the right/,
    );
    const taken = tableOf({ shop: ["a", "b"], x: [1, 2], x_y: [1, 2] });
    expect(() => leftJoin(taken, taken.select(["shop", "x"]), { on: "shop" })).toThrow(/both tables have a column x_y/);
  });
});

test("describe", () => {
  const table = tableOf({ n: [1, 2, 3, 4, null], t: ["x", "y", "x", null, null] });
  const [n, t] = rowsOf(describeTable(table));
  expect(n).toMatchObject({
    column: "n",
    holds: "number",
    rows: 5,
    missing: 1,
    distinct: 4,
    mean: 2.5,
    min: 1,
    lower: 1.75,
    median: 2.5,
    upper: 3.25,
    max: 4,
  });
  expect(n!.std).toBeCloseTo(1.2909944, 6);
  expect(t).toMatchObject({ column: "t", holds: "text", missing: 2, distinct: 2, commonest: "x", mean: null });
});
