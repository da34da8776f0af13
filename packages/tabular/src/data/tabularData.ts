import { Generator, hostGenerator, type Tensor, TensorError } from "@fai/tensor";
import { ArrayDataset, type Column, DataLoader, type Dataset } from "@fai/train";
import { datesOf } from "../addDatepart.js";
import type { Table } from "../arrow.js";
import type { TabularInput } from "../models/tabularModel.js";
import { TabularPrep } from "../prep.js";
import type { Prepared, TabularPrepOptions } from "../prepState.js";
import { pickRows } from "./pickRows.js";

/** Which rows are validated on: a share drawn at random, rows by their index, or those from a date on (the future). */
export type TabularSplit = number | ArrayLike<number> | { readonly column: string; readonly from: Date | string };

/** Options of `TabularData.fromTable`: what the columns are, and how rows are split and batched. */
export interface TabularDataOptions extends TabularPrepOptions {
  /** 0.2 */
  valid?: TabularSplit;
  /** Rows of a training batch (64); validation takes twice as many. */
  batchSize?: number;
  /** Seed of the share and the shuffling; by default drawn, so that `manualSeed` decides it. */
  seed?: number;
}

/** A table split into training and validation rows, prepared by what the training rows hold, and ready for a Learner. */
export class TabularData {
  readonly prep: TabularPrep;
  readonly trainRows: Int32Array;
  readonly validRows: Int32Array;
  readonly train: DataLoader<TabularInput, Tensor>;
  readonly valid: DataLoader<TabularInput, Tensor>;
  /** The validation rows as numbers. */
  readonly validSet: Prepared;

  private constructor(
    table: Table,
    { valid = 0.2, batchSize = 64, seed = hostGenerator().bits(), ...options }: TabularDataOptions,
  ) {
    if (options.target === undefined)
      throw new TensorError("TabularData", "there is no target. Name the column to predict: { target: ... }.");
    [this.trainRows, this.validRows] = splitTable(table, valid, seed);
    this.prep = TabularPrep.fit(table, options, this.trainRows);
    const prepared = this.prep.apply(table, { target: true });
    this.validSet = pickRows(prepared, this.validRows);
    // A last batch of one row has no variance for the batch norm.
    const dropLast = this.trainRows.length % batchSize === 1 && this.trainRows.length > 1;
    this.train = new DataLoader(datasetOf(pickRows(prepared, this.trainRows)), {
      batchSize,
      shuffle: true,
      seed,
      dropLast,
    });
    this.valid = this.loaderOf(this.validSet, 2 * batchSize);
  }

  /** A table made ready. Statistics and categories are those of the training rows alone. */
  static fromTable(table: Table, options: TabularDataOptions): TabularData {
    return new TabularData(table, options);
  }

  /** Another table with a target (a test set), prepared the same way, in batches. */
  loader(table: Table, { batchSize = 128 }: { batchSize?: number } = {}): DataLoader<TabularInput, Tensor> {
    return this.loaderOf(this.prep.apply(table, { target: true }), batchSize);
  }

  /** A range for the model's outputs: from 0 (or the lowest target below it) to `factor` times the largest training target. */
  yRange(factor = 1.2): [number, number] {
    const { target } = this.prep.state;
    if (target?.kind !== "number") throw new TensorError("yRange", "the target is a class, which has no range.");
    return [Math.min(0, target.range[0]), factor * target.range[1]];
  }

  /** Prepared rows in batches, in their order. */
  loaderOf(prepared: Prepared, batchSize: number): DataLoader<TabularInput, Tensor> {
    return new DataLoader(datasetOf(prepared), { batchSize });
  }
}

function datasetOf({ rows, cats, conts, target }: Prepared): Dataset<TabularInput, Tensor> {
  const column = (data: Int32Array | Float32Array): Column => ({ data, shape: [data.length / rows] });
  const x: Record<string, Column> = { ...(cats && { cats: column(cats) }), ...(conts && { conts: column(conts) }) };
  const y: Column = target instanceof Int32Array ? { data: target } : column(target!);
  return new ArrayDataset({ x, y });
}

function splitTable(table: Table, split: TabularSplit, seed: number): [train: Int32Array, valid: Int32Array] {
  const count = table.numRows;
  if (count === 0) throw new TensorError("TabularData", "the table has no rows.");
  const valid = validRowsOf(table, split, seed);
  const held = new Set(valid);
  const outside = valid.find((row) => !(row >= 0 && row < count));
  if (outside !== undefined)
    throw new TensorError("TabularData", `valid names row ${outside}, the table has ${count}.`);
  if (held.size < valid.length)
    throw new TensorError("TabularData", `valid names ${valid.length - held.size} rows more than once.`);
  if (held.size === 0 || held.size === count)
    throw new TensorError(
      "TabularData",
      `valid takes ${held.size} of ${count} rows: both training and validation need some.`,
    );
  return [Int32Array.from({ length: count }, (_, i) => i).filter((row) => !held.has(row)), valid];
}

function validRowsOf(table: Table, split: TabularSplit, seed: number): Int32Array {
  const count = table.numRows;
  if (typeof split === "number")
    return new Generator(seed, 3).permutation(count).subarray(0, Math.floor(count * split));
  if (!("from" in split)) return Int32Array.from(split);
  const from = new Date(split.from).getTime();
  if (Number.isNaN(from))
    throw new TensorError("TabularData", `valid begins at ${String(split.from)}, which is no date.`);
  const dates = datesOf(table, split.column);
  const gap = dates.findIndex((ms) => Number.isNaN(ms));
  if (gap >= 0)
    throw new TensorError(
      "TabularData",
      `${split.column} of row ${gap} is missing: is it before or after ${String(split.from)}?`,
    );
  return Int32Array.from({ length: count }, (_, i) => i).filter((i) => dates[i]! >= from);
}
