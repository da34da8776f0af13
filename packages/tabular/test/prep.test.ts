import { describe, expect, test } from "vitest";
import {
  applyCats,
  kindOf,
  rowsOf,
  type Table,
  TabularData,
  TabularPrep,
  tableOf,
  takeRows,
  trainCats,
} from "../src/index.js";

const table = tableOf({
  size: ["M", "S", null, "L", "S"],
  n: [1, 2, null, 4, 5],
  flat: [7, 7, 7, 7, 7],
  shop: [30, 10, 20, 10, 30],
  open: [true, false, true, true, null],
  price: [10, 20, 30, 40, 50],
});
const options = { categorical: ["size", "shop"], continuous: ["n", "flat"], target: "price" } as const;

describe("categories", () => {
  test("are sorted, or in a given order; 0 is missing or unseen", () => {
    const cats = trainCats(table, { columns: ["size", "shop"] });
    expect(cats.size!.values).toEqual(["L", "M", "S"]);
    expect([...applyCats(table, cats).size!]).toEqual([2, 3, 0, 1, 3]);
    const ordered = trainCats(table, { columns: ["size"], order: { size: ["S", "M", "L"] } });
    expect([...applyCats(tableOf({ size: ["L", "XL", "S"] }), ordered).size!]).toEqual([3, 0, 1]);
    expect(Object.keys(trainCats(table))).toEqual(["size"]);
  });

  test("of another kind of value are refused, not silently unseen", () => {
    const cats = trainCats(table, { columns: ["shop"] });
    expect(() => applyCats(tableOf({ shop: ["10"] }), cats)).toThrow(/shop holds texts, in training it held numbers/);
  });
});

describe("TabularPrep", () => {
  const prep = TabularPrep.fit(table, options);

  test("fills with the median, notes it, and standardizes", () => {
    const { rows, cats, conts, target } = prep.apply(table, { target: true });
    expect(rows).toBe(5);
    expect([...cats!]).toEqual([2, 3, 3, 1, 0, 2, 1, 1, 3, 3]);
    expect(prep.contNames).toEqual(["n", "flat", "n_na"]);
    // n filled: 1 2 3 4 5, mean 3, deviation sqrt(2); the flag: mean 0.2, deviation 0.4; a constant becomes 0.
    const column = (k: number) => Array.from({ length: 5 }, (_, i) => conts![i * 3 + k]!);
    [-2, -1, 0, 1, 2].forEach((x, i) => {
      expect(column(0)[i]).toBeCloseTo(x / Math.SQRT2, 6);
    });
    expect(column(1)).toEqual([0, 0, 0, 0, 0]);
    [-0.5, -0.5, 2, -0.5, -0.5].forEach((x, i) => {
      expect(column(2)[i]).toBeCloseTo(x, 6);
    });
    expect([...(target as Float32Array)]).toEqual([10, 20, 30, 40, 50]);
  });

  test("the flag may be a category, or nothing", () => {
    const flagged = TabularPrep.fit(table, { ...options, missingFlag: "categorical" });
    expect([flagged.catNames, flagged.cardinalities, flagged.contNames]).toEqual([
      ["size", "shop", "n_na"],
      [4, 4, 3],
      ["n", "flat"],
    ]);
    expect(flagged.apply(table).cats!.filter((_, i) => i % 3 === 2)).toEqual(Int32Array.of(1, 1, 2, 1, 1));
    expect(TabularPrep.fit(table, { ...options, missingFlag: "none" }).contNames).toEqual(["n", "flat"]);
  });

  test("passes through JSON, and takes columns in any order, with others between", () => {
    const again = new TabularPrep(JSON.parse(JSON.stringify(prep.state)));
    const mixed = tableOf({ extra: [1], flat: [7], shop: [99], n: [null], size: ["M"] });
    expect(again.apply(mixed)).toEqual(prep.apply(mixed));
    expect([...again.apply(mixed).cats!]).toEqual([2, 0]);
    expect(again.applyRow({ size: "M", shop: 10 }).cats).toEqual(Int32Array.of(2, 1));
  });

  test("a number missing where none was in training becomes the median", () => {
    const full = TabularPrep.fit(tableOf({ n: [1, 2, 6], price: [1, 2, 3] }), { continuous: ["n"], target: "price" });
    expect(full.contNames).toEqual(["n"]);
    const { conts } = full.apply(tableOf({ n: [null, 2] }));
    expect(conts![0]).toBe(conts![1]);
  });

  test("fitted on parts that come one after another, it is the same", async () => {
    async function* parts(): AsyncGenerator<Table> {
      yield table.slice(0, 2);
      yield table.slice(2, 5);
    }
    const streamed = await TabularPrep.fitStream(parts(), options);
    expect(streamed.state.categorical).toEqual(prep.state.categorical);
    expect(streamed.state.continuous.n!.std).toBeCloseTo(prep.state.continuous.n!.std, 12);
    expect(streamed.state.continuous.n!.median).toBe(3);
  });

  test("bad input is named", () => {
    const fit =
      (columns: object, other = {}) =>
      () =>
        TabularPrep.fit(tableOf({ size: ["a"], n: [1], price: [1], ...columns } as never), {
          categorical: ["size"],
          continuous: ["n"],
          target: "price",
          ...other,
        });
    expect(fit({}, { continuous: ["m"] })).toThrow(/no column "m"; the table has size, n, price/);
    expect(fit({ n: ["x"] })).toThrow(/column n holds texts, expected numbers/);
    expect(fit({ n: [1, "x"], size: ["a", "b"], price: [1, 2] })).toThrow(/column n holds number and string values/);
    expect(fit({ n: [null] })).toThrow(/n has no value in any training row/);
    expect(fit({ size: [null] })).toThrow(/size has no value in any training row/);
    expect(fit({ n: [Number.POSITIVE_INFINITY] })).toThrow(/n holds infinite numbers/);
    expect(fit({}, { categorical: ["n"] })).toThrow(/n is named twice/);
    expect(fit({}, { categorical: [], continuous: [] })).toThrow(/neither categorical nor continuous/);
    expect(() =>
      TabularPrep.fit(tableOf({ size: [], n: [], price: [] }), { categorical: ["size"], target: "price" }),
    ).toThrow(/no training rows|no value/);
    expect(() => prep.apply(tableOf({ size: ["M"], n: [1], flat: [7] }))).toThrow(/no column "shop"/);
    expect(() => prep.apply(table.slice(0, 0))).toThrow(/no rows/);
    expect(() => prep.applyRow({ other: 1 })).toThrow(/none of the columns size, shop, n, flat/);
    expect(() => prep.applyRow({ n: "three" })).toThrow(/n holds texts/);
    expect(() => tableOf({ a: [1], b: [1, 2] })).toThrow(/b has 2 rows, a has 1/);
  });

  test("targets: classes, logarithms, several numbers", () => {
    const classes = TabularPrep.fit(table, { continuous: ["price"], target: "open", missingFlag: "none" });
    expect(classes.outputs).toBe(2);
    expect(() => classes.apply(table, { target: true })).toThrow(/open of row 4 is missing/);
    expect([...classes.apply(table.slice(0, 4), { target: true }).target!]).toEqual([1, 0, 1, 1]);
    const logs = TabularPrep.fit(table, { ...options, logTarget: true });
    expect(logs.apply(table, { target: true }).target![2]).toBeCloseTo(Math.log(30), 6);
    expect(logs.targetValue([Math.log(30)])).toBeCloseTo(30, 6);
    expect(() =>
      logs.apply(tableOf({ size: ["S"], shop: [10], n: [1], flat: [7], price: [0] }), { target: true }),
    ).toThrow(/price of row 0 is 0, which has no logarithm/);
    const two = TabularPrep.fit(table, { categorical: ["size"], target: ["price", "shop"] });
    expect([...two.apply(table.slice(0, 2), { target: true }).target!]).toEqual([10, 30, 20, 10]);
    expect(
      TabularPrep.fit(table, { continuous: ["n"], target: "shop", targetKind: "class" }).state.target,
    ).toMatchObject({ kind: "class", classes: [10, 20, 30] });
  });
});

test("some rows, each column as it was", () => {
  const all = tableOf({
    d: [new Date(0), null, new Date(5)],
    t: ["a", null, "b"],
    n: [1, null, 3],
    b: [true, null, false],
  });
  const some = takeRows(all, [2, 1]);
  expect(rowsOf(some)).toEqual([
    { d: 5, t: "b", n: 3, b: false },
    { d: null, t: null, n: null, b: null },
  ]);
  const none = takeRows(all, [1]);
  expect(["d", "t", "n", "b"].map((name) => kindOf(none, name))).toEqual(["date", "text", "number", "boolean"]);
});

describe("TabularData splits", () => {
  const days = Array.from({ length: 10 }, (_, i) => new Date(Date.UTC(2020, 0, 1 + i)));
  const dated = tableOf({ day: days, x: days.map((_, i) => i), y: days.map((_, i) => 2 * i) });
  const make = (valid: ConstructorParameters<typeof Array>[0] | object) =>
    TabularData.fromTable(dated, { continuous: ["x"], target: "y", valid: valid as never, seed: 1 });

  test("by date, by index, by share; statistics are of the training rows", () => {
    const byDate = make({ column: "day", from: "2020-01-08" });
    expect([...byDate.validRows]).toEqual([7, 8, 9]);
    expect(byDate.prep.state.continuous.x!.mean).toBe(3);
    expect([...make([3, 1]).validRows]).toEqual([3, 1]);
    expect(make(0.3).validRows.length).toBe(3);
    expect(byDate.yRange()).toEqual([0, 1.2 * 12]);
    expect(() => make({ column: "day", from: "2030-01-01" })).toThrow(/takes 0 of 10 rows/);
    expect(() => make({ column: "day", from: "someday" })).toThrow(/no date/);
    expect(() => make([10])).toThrow(/row 10, the table has 10/);
  });
});
