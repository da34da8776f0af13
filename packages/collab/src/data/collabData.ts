import { Generator, hostGenerator, type Tensor, TensorError } from "@fai/tensor";
import { ArrayDataset, DataLoader, type Dataset } from "@fai/train";
import { readCsvFile } from "#csv";
import { IdIndex } from "../idIndex.js";
import type { Interaction, RatingRange } from "../models/interaction.js";
import { columnOf, numbersOf, parseIds, type RatingsTable } from "./ratingsTable.js";
import { SampledNegatives } from "./sampledNegatives.js";

/** Options of `CollabData`. */
export interface CollabDataOptions {
  /** Column of the users ("userId"). */
  user?: string;
  /** Column of the items ("itemId"). */
  item?: string;
  /** Column of the ratings ("rating"); not looked at when `implicit` is given. */
  rating?: string;
  /** Columns of numbers that go to the model as side features (none). */
  features?: readonly string[];
  /** Rows to validate on: a share drawn at random (0.2), or the rows themselves. */
  valid?: number | ArrayLike<number>;
  /** Rows of a training batch (64); validation takes twice as many. */
  batchSize?: number;
  /** Seed of the validation share, the shuffling and the negatives; by default drawn, so that `manualSeed` decides it. */
  seed?: number;
  /** The table says what happened, not how it was liked: each row is a 1, and `negatives` items that the user never met are 0s (4). */
  implicit?: { negatives?: number };
}

/** Options of `CollabData.fromCsv`. */
export interface CollabCsvOptions extends CollabDataOptions {
  /** What to do with a line that has more fields than there are names ("error"). */
  extraFields?: "error" | "ignore";
}

/** Ratings of items by users, split into training and validation rows and ready for a Learner. */
export class CollabData {
  /** The users, in order of appearance. */
  readonly users: IdIndex;
  /** The items, in order of appearance. */
  readonly items: IdIndex;
  /** Row of the user of each rating. */
  readonly userRows: Int32Array;
  /** Row of the item of each rating. */
  readonly itemRows: Int32Array;
  /** The ratings; all 1 for implicit feedback. */
  readonly ratings: Float32Array;
  /** The lowest and the highest rating. */
  readonly range: RatingRange;
  /** Rows of the table that are trained on, ascending. */
  readonly trainRows: Int32Array;
  /** Rows of the table that are validated on, in the order given. */
  readonly validRows: Int32Array;
  /** Names of the side features. */
  readonly features: readonly string[];
  /** Whether the table says what happened and not how it was liked. */
  readonly implicit: boolean;
  readonly train: DataLoader<Interaction, Tensor>;
  readonly valid: DataLoader<Interaction, Tensor>;

  private constructor(table: RatingsTable, options: CollabDataOptions) {
    const {
      user = "userId",
      item = "itemId",
      rating = "rating",
      features = [],
      valid = 0.2,
      batchSize = 64,
      implicit,
    } = options;
    const seed = options.seed ?? hostGenerator().bits();
    const users = IdIndex.of(user, columnOf(table, user));
    const items = IdIndex.of(item, columnOf(table, item));
    [this.users, this.userRows] = [users.index, users.rows];
    [this.items, this.itemRows] = [items.index, items.rows];
    const count = this.userRows.length;
    if (count < 2)
      throw new TensorError("CollabData", `the table has ${count} rows: nothing to train and validate on.`);
    this.implicit = implicit !== undefined;
    this.ratings = this.implicit ? new Float32Array(count).fill(1) : numbersOf(rating, columnOf(table, rating));
    this.range = this.implicit
      ? [0, 1]
      : [this.ratings.reduce((a, b) => Math.min(a, b)), this.ratings.reduce((a, b) => Math.max(a, b))];
    this.features = features;
    const columns = features.map((name) => numbersOf(name, columnOf(table, name)));
    [this.trainRows, this.validRows] = splitRows(count, valid, seed);
    const parts = [this.trainRows, this.validRows].map((rows, i): Dataset<Interaction, Tensor> => {
      if (implicit) {
        if (columns.length > 0)
          throw new TensorError(
            "CollabData",
            "negatives are drawn at random and have no side features: give features or implicit, not both.",
          );
        return this.negatives(rows, { negatives: implicit.negatives ?? 4, seed, fresh: i === 0 });
      }
      return this.dataset(rows, columns);
    });
    this.train = new DataLoader(parts[0]!, { batchSize, shuffle: true, seed });
    this.valid = new DataLoader(parts[1]!, { batchSize: 2 * batchSize });
  }

  /** Ratings in a table. Throws on a missing column, an id that is missing and a rating that is no number, naming it. */
  static fromTable(table: RatingsTable, options: CollabDataOptions = {}): CollabData {
    return new CollabData(table, options);
  }

  /**
   * Ratings in a CSV file with names in its first line, plain or gzipped (in browsers an address). Ids that are all
   * whole numbers become numbers. Throws on a line with another number of fields than the first, naming it.
   */
  static async fromCsv(
    path: string,
    { extraFields = "error", ...options }: CollabCsvOptions = {},
  ): Promise<CollabData> {
    const [names, ...lines] = await readCsvFile(path);
    if (names === undefined) throw new TensorError("CollabData", `${path} is empty.`);
    lines.forEach((line, i) => {
      if (line.length === names.length || (line.length > names.length && extraFields === "ignore")) return;
      const hint = line.length > names.length ? ' Pass { extraFields: "ignore" } to leave out what is too much?' : "";
      throw new TensorError(
        "CollabData",
        `record ${i + 1} of ${path} has ${line.length} fields, the names are ${names.length}: ${line.join(",")}.${hint}`,
      );
    });
    const { user = "userId", item = "itemId" } = options;
    const columns = Object.fromEntries(
      names.map((name, i) => {
        const column = lines.map((line) => line[i]!);
        return [name, name === user || name === item ? parseIds(column) : column];
      }),
    );
    return new CollabData(columns, options);
  }

  /** Number of users. */
  get userCount(): number {
    return this.users.size;
  }

  /** Number of items. */
  get itemCount(): number {
    return this.items.size;
  }

  /** How often each item was rated, by its row. */
  itemCounts(): Int32Array {
    const counts = new Int32Array(this.itemCount);
    for (const row of this.itemRows) counts[row]!++;
    return counts;
  }

  private dataset(rows: Int32Array, features: readonly Float32Array[]): Dataset<Interaction, Tensor> {
    const width = features.length;
    const y = { data: picked(this.ratings, rows) };
    const x = { user: { data: picked(this.userRows, rows) }, item: { data: picked(this.itemRows, rows) } };
    if (width === 0) return new ArrayDataset({ x, y });
    const data = Float32Array.from(
      { length: rows.length * width },
      (_, i) => features[i % width]![rows[Math.floor(i / width)]!]!,
    );
    return new ArrayDataset({ x: { ...x, features: { data, shape: [width] } }, y });
  }

  private negatives(rows: Int32Array, options: { negatives: number; seed: number; fresh: boolean }): SampledNegatives {
    const { itemCount, userRows, itemRows } = this;
    const happened = new Set<number>();
    userRows.forEach((user, i) => {
      happened.add(user * itemCount + itemRows[i]!);
    });
    return new SampledNegatives({
      users: picked(userRows, rows),
      items: picked(itemRows, rows),
      itemCount,
      happened,
      ...options,
    });
  }
}

function picked<A extends Float32Array | Int32Array>(values: A, rows: Int32Array): A {
  const out = values.slice(0, rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out as A;
}

function splitRows(
  count: number,
  valid: number | ArrayLike<number>,
  seed: number,
): [train: Int32Array, valid: Int32Array] {
  const share = typeof valid === "number";
  const chosen = share
    ? new Generator(seed, 3).permutation(count).subarray(0, Math.floor(count * valid))
    : Int32Array.from(valid);
  const held = new Set(chosen);
  const outside = [...held].find((row) => !(row >= 0 && row < count));
  if (outside !== undefined) throw new TensorError("CollabData", `valid names row ${outside}, the table has ${count}.`);
  if (held.size < chosen.length)
    throw new TensorError("CollabData", `valid names ${chosen.length - held.size} rows more than once.`);
  if (held.size === 0 || held.size === count) {
    throw new TensorError(
      "CollabData",
      `valid takes ${held.size} of ${count} rows: both training and validation need some.`,
    );
  }
  return [Int32Array.from({ length: count }, (_, i) => i).filter((row) => !held.has(row)), chosen];
}
