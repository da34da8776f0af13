import { Generator, leaf, type Tensor, TensorError } from "@fai/tensor";
import type { Batch, BatchSource } from "@fai/train";
import type { Table } from "../arrow.js";
import type { TabularInput } from "../models/tabularModel.js";
import { inputOf } from "../predictor.js";
import type { TabularPrep } from "../prep.js";
import type { Prepared } from "../prepState.js";
import { pickRows } from "./pickRows.js";

/** Options of `StreamedRows`. */
export interface StreamedRowsOptions {
  /** Rows in all, so that an epoch's length is known (schedules need it). */
  rows: number;
  /** Rows of a batch (64). */
  batchSize?: number;
  /** Whether the rows of each table are visited in random order, anew each epoch (false). Rows of different tables stay apart. */
  shuffle?: boolean;
  seed?: number;
}

/**
 * Training data that is read anew each epoch and never held as a whole: tables that come one after another (the record batches of an Arrow
 * file), prepared as they come. Batches do not reach across tables, except that what a table leaves over begins the next batch.
 */
export class StreamedRows implements BatchSource<TabularInput, Tensor> {
  /** Batches of an epoch. */
  readonly length: number;
  private readonly open: () => AsyncIterable<Table>;
  private readonly prep: TabularPrep;
  private readonly options: Required<StreamedRowsOptions>;
  /** Epochs begun; setting it back repeats their orders. */
  epoch = 0;

  constructor(
    open: () => AsyncIterable<Table>,
    prep: TabularPrep,
    { rows, batchSize = 64, shuffle = false, seed = 0 }: StreamedRowsOptions,
  ) {
    this.open = open;
    this.prep = prep;
    this.options = { rows, batchSize, shuffle, seed };
    this.length = Math.ceil(rows / batchSize);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch<TabularInput, Tensor>, void, void> {
    const { rows, batchSize, shuffle, seed } = this.options;
    const generator = new Generator(seed, 0x40000 + this.epoch++);
    let rest: Prepared | undefined;
    let seen = 0;
    for await (const table of this.open()) {
      if (table.numRows === 0) continue;
      seen += table.numRows;
      const fresh = this.prep.apply(table, { target: true });
      const mixed = shuffle ? pickRows(fresh, generator.permutation(fresh.rows)) : fresh;
      const all: Prepared = rest ? joinRows(rest, mixed) : mixed;
      let at = 0;
      for (; at + batchSize <= all.rows; at += batchSize) yield batchOf(sliceRows(all, at, at + batchSize));
      rest = at < all.rows ? sliceRows(all, at, all.rows) : undefined;
    }
    if (seen !== rows) throw new TensorError("StreamedRows", `there were ${seen} rows, ${rows} were announced.`);
    if (rest) yield batchOf(rest);
  }
}

function batchOf(prepared: Prepared): Batch<TabularInput, Tensor> {
  const { rows, target } = prepared;
  const y =
    target instanceof Int32Array ? leaf(target, [rows], "i32") : leaf(target!, [rows, target!.length / rows], "f32");
  return { x: inputOf(prepared), y, size: rows };
}

type Values = Int32Array | Float32Array;

function mapColumns(
  { rows: _, ...columns }: Prepared,
  rows: number,
  make: (name: keyof Omit<Prepared, "rows">, data: Values) => Values,
): Prepared {
  const made = Object.entries(columns).map(([name, data]: [string, Values]) => [
    name,
    make(name as keyof Omit<Prepared, "rows">, data),
  ]);
  return { rows, ...Object.fromEntries(made) } as Prepared;
}

function sliceRows(prepared: Prepared, from: number, to: number): Prepared {
  const slice = (_: string, data: Values) =>
    data.slice((from * data.length) / prepared.rows, (to * data.length) / prepared.rows);
  return mapColumns(prepared, to - from, slice);
}

function joinRows(a: Prepared, b: Prepared): Prepared {
  return mapColumns(a, a.rows + b.rows, (name, first) => {
    const second = b[name]!;
    const out =
      first instanceof Int32Array
        ? new Int32Array(first.length + second.length)
        : new Float32Array(first.length + second.length);
    out.set(first);
    out.set(second, first.length);
    return out;
  });
}
