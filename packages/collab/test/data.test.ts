import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CollabData, IdIndex } from "../src/index.js";

const table = {
  userId: ["b", "a", "b", "c", "a"],
  itemId: [900, 7, 7, 900, 12],
  rating: [4, 3.5, 5, 1, 2],
};

describe("ids", () => {
  test("are numbered by appearance, whatever they are", () => {
    const { index, rows } = IdIndex.of("user", ["x", 5, 5n, "5", "x"]);
    expect(index.ids).toEqual(["x", 5, 5n, "5"]);
    expect([...rows]).toEqual([0, 1, 2, 3, 0]);
    expect(index.rowOf("5")).toBe(3);
  });

  test("that are missing or unknown are named", () => {
    expect(() => IdIndex.of("user", ["x", null])).toThrow(/user of row 1 is null/);
    expect(() => IdIndex.of("user", ["x", Number.NaN])).toThrow(/user of row 1 is NaN/);
    expect(() => new IdIndex([5]).rowOf("5")).toThrow(/"5" is none of the 1 ids. There is 5, a number/);
    expect(() => new IdIndex([5, 5])).toThrow(/stands at 0 and at 1/);
  });
});

describe("CollabData", () => {
  test("reads columns, lists of objects and tables with getChild alike", () => {
    const objects = table.userId.map((userId, i) => ({ userId, itemId: table.itemId[i], rating: table.rating[i] }));
    const arrow = { getChild: (name: string) => (table as Record<string, unknown[]>)[name] ?? null };
    for (const data of [table, objects, arrow].map((t) => CollabData.fromTable(t, { valid: [4], seed: 1 }))) {
      expect(data.users.ids).toEqual(["b", "a", "c"]);
      expect([...data.itemRows]).toEqual([0, 1, 1, 0, 2]);
      expect(data.range).toEqual([1, 5]);
      expect([...data.trainRows]).toEqual([0, 1, 2, 3]);
      expect([...data.itemCounts()]).toEqual([2, 2, 1]);
    }
  });

  test("the batches of an epoch hold each training row once, and the validation rows in their order", async () => {
    const data = CollabData.fromTable(table, { valid: [4, 0], batchSize: 2, seed: 3 });
    const seen: string[] = [];
    for await (const { x, y, size } of data.train) {
      const [user, item, rating] = await Promise.all([x.user.data<"i32">(), x.item.data<"i32">(), y.data()]);
      for (let i = 0; i < size; i++) seen.push(`${user[i]} ${item[i]} ${rating[i]}`);
    }
    expect(seen.sort()).toEqual(["0 1 5", "1 1 3.5", "2 0 1"]);
    for await (const { y } of data.valid) expect([...(await y.data())]).toEqual([2, 4]);
  });

  test("side features go along", async () => {
    const data = CollabData.fromTable(
      { ...table, hour: [1, 2, 3, 4, 5], age: [9, 8, 7, 6, 5] },
      { features: ["hour", "age"], valid: [1, 4] },
    );
    for await (const { x } of data.valid)
      expect(await x.features!.toArray()).toEqual([
        [2, 8],
        [5, 5],
      ]);
  });

  test("bad tables are refused with what is wrong", () => {
    const make =
      (change: object, options = {}) =>
      () =>
        CollabData.fromTable({ ...table, ...change }, options);
    expect(make({}, { user: "user" })).toThrow(/no column "user"; the table has "userId", "itemId", "rating"/);
    expect(make({ rating: [1, 2, "?", 4, 5] })).toThrow(/rating of row 2 is \?/);
    expect(make({ itemId: [1, 2, undefined, 4, 5] })).toThrow(/itemId of row 2 is undefined/);
    expect(make({}, { valid: [5] })).toThrow(/row 5, the table has 5/);
    expect(make({}, { valid: [1, 1] })).toThrow(/more than once/);
    expect(make({}, { valid: 0 })).toThrow(/takes 0 of 5 rows/);
    expect(() => CollabData.fromTable([])).toThrow(/0 rows/);
    expect(make({ hour: [1, 2, 3, 4, 5] }, { features: ["hour"], implicit: {} })).toThrow(/features or implicit/);
  });
});

describe("implicit feedback", () => {
  const clicks = { userId: [0, 0, 1, 2, 2, 1], itemId: [0, 1, 2, 3, 4, 5] };

  test("draws negatives that the user never met, anew each epoch, the same for one seed", async () => {
    const epochs = async () => {
      const data = CollabData.fromTable(clicks, { implicit: { negatives: 3 }, valid: [5], seed: 8, batchSize: 2 });
      const all: string[][] = [];
      for (let epoch = 0; epoch < 2; epoch++) {
        const pairs: string[] = [];
        for await (const { x, y, size } of data.train) {
          const [user, item, label] = await Promise.all([x.user.data<"i32">(), x.item.data<"i32">(), y.data()]);
          for (let i = 0; i < size; i++) pairs.push(`${user[i]} ${item[i]} ${label[i]}`);
        }
        all.push(pairs.sort());
      }
      return all;
    };
    const [first, second] = await epochs();
    expect(first!.length).toBe(20);
    expect(first!.filter((pair) => pair.endsWith(" 1"))).toEqual(["0 0 1", "0 1 1", "1 2 1", "2 3 1", "2 4 1"]);
    const met = new Set(clicks.userId.map((user, i) => `${user} ${clicks.itemId[i]}`));
    for (const pair of first!.filter((p) => p.endsWith(" 0"))) expect(met.has(pair.slice(0, 3))).toBe(false);
    expect(second).not.toEqual(first);
    expect(await epochs()).toEqual([first, second]);
  });

  test("a user who met everything is refused", () => {
    expect(() => CollabData.fromTable({ userId: [0, 0, 1], itemId: [0, 1, 0] }, { implicit: {}, valid: [2] })).toThrow(
      /has met all 2 items/,
    );
  });
});

describe("CSV files", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "collab-"));
    await writeFile(join(folder, "plain.csv"), 'userId,itemId,rating\n1,"a, b",3\n2,c,4.5\n');
    await writeFile(join(folder, "zipped.csv.gz"), gzipSync("userId,itemId,rating\n1,08,3\n2,9,4\n"));
    await writeFile(join(folder, "long.csv"), "userId,itemId,rating\n1,8,3,,9\n2,9,4\n");
    await writeFile(join(folder, "empty.csv"), "");
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("plain and gzipped; ids become numbers when all are plainly written numbers", async () => {
    const plain = await CollabData.fromCsv(join(folder, "plain.csv"), { valid: [1] });
    expect([plain.users.ids, plain.items.ids, [...plain.ratings]]).toEqual([
      [1, 2],
      ["a, b", "c"],
      [3, 4.5],
    ]);
    const zipped = await CollabData.fromCsv(join(folder, "zipped.csv.gz"), { valid: [1] });
    expect([zipped.users.ids, zipped.items.ids]).toEqual([
      [1, 2],
      ["08", "9"],
    ]);
  });

  test("lines with too many fields are named, or cut when asked", async () => {
    await expect(CollabData.fromCsv(join(folder, "long.csv"))).rejects.toThrow(
      /record 1 of .*long.csv has 5 fields, the names are 3/,
    );
    const data = await CollabData.fromCsv(join(folder, "long.csv"), { extraFields: "ignore", valid: [1] });
    expect([...data.ratings]).toEqual([3, 4]);
    await expect(CollabData.fromCsv(join(folder, "empty.csv"))).rejects.toThrow(/is empty/);
  });
});
