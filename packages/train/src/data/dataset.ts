import type { Tensor } from "@fai/tensor";
import { TensorError } from "@fai/tensor";
import { type Column, checkColumn, gatherRows } from "./collate.js";

/** Some rows of a dataset: inputs and targets as host tensors whose first axis counts the rows. */
export interface Batch<X, Y> {
  readonly x: X;
  readonly y: Y;
  /** Number of rows. */
  readonly size: number;
}

/** What a loader draws batches from. */
export interface Dataset<X, Y> {
  /** Number of rows. */
  readonly length: number;
  /**
   * The rows at `index`, in that order, as one batch; `epoch` (0 for the first) decides random changes. `signal` is aborted when nobody
   * waits for the batch any more.
   */
  batch(index: Int32Array, epoch: number, signal?: AbortSignal): Batch<X, Y> | Promise<Batch<X, Y>>;
}

/** One column, or several with names for models that take a record of tensors. */
export type Columns = Column | Readonly<Record<string, Column>>;

/** The tensors of a batch of `Columns`: one tensor, or a record of them under the same names. */
export type BatchOf<C> = C extends Column ? Tensor : { [K in keyof C]: Tensor };

/**
 * Rows in typed arrays: inputs and targets of a model, each one column or a record of columns, all with the same number of
 * rows. The arrays are not copied; a batch copies its own rows only.
 */
export class ArrayDataset<const C extends Columns, const D extends Columns> implements Dataset<BatchOf<C>, BatchOf<D>> {
  readonly x: C;
  readonly y: D;
  readonly length: number;

  /** Throws when an array does not hold whole rows, or columns have different numbers of rows. */
  constructor({ x, y }: { x: C; y: D }) {
    this.x = x;
    this.y = y;
    const counts = [...countRows("x", x), ...countRows("y", y)];
    this.length = counts[0]?.rows ?? 0;
    for (const { name, rows } of counts) {
      if (rows === this.length) continue;
      throw new TensorError(
        "ArrayDataset",
        `${counts[0]!.name} has ${this.length} rows, ${name} has ${rows}. Give every column one entry a row.`,
      );
    }
  }

  batch(index: Int32Array): Batch<BatchOf<C>, BatchOf<D>> {
    return { x: collate(this.x, index), y: collate(this.y, index), size: index.length };
  }
}

/** A record has columns in all of its fields, one called `data` included; a column has no column in its own. */
function isColumn(columns: Columns): columns is Column {
  const data: object | undefined = columns.data;
  return data !== undefined && !("data" in data);
}

function countRows(name: string, columns: Columns): { name: string; rows: number }[] {
  if (isColumn(columns)) return [{ name, rows: checkColumn(name, columns) }];
  return Object.entries(columns).map(([key, column]) => ({
    name: `${name}.${key}`,
    rows: checkColumn(`${name}.${key}`, column),
  }));
}

function collate<C extends Columns>(columns: C, index: Int32Array): BatchOf<C> {
  if (isColumn(columns)) return gatherRows(columns, index) as BatchOf<C>;
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, gatherRows(column, index)]),
  ) as BatchOf<C>;
}
