import { type HostArray, leaf, type Tensor, TensorError } from "@fai/tensor";
import type { Batch, Dataset } from "./dataset.js";
import { mapOrdered } from "./mapOrdered.js";

/** Options of `ItemDataset`. */
export interface ItemDatasetOptions<I, X, Y> {
  /** Number of rows. */
  length: number;
  /**
   * Reads row `row`; random changes depend on the row and the epoch alone, so that a run can be repeated. What is JavaScript and takes long
   * belongs on threads: `(row, epoch, signal) => pool.run({ row, epoch }, { signal })` with a `workerPool`.
   */
  item: (row: number, epoch: number, signal: AbortSignal) => I | Promise<I>;
  /** Makes a batch of rows: `padRows` for rows of unequal length. */
  collate: (items: readonly I[]) => { x: X; y: Y };
  /** Rows that are read at once (8). */
  concurrency?: number;
}

/** Rows that are read one by one, several at once, in order: files, records, texts. A row that cannot be read is named. */
export class ItemDataset<I, X, Y> implements Dataset<X, Y> {
  readonly length: number;
  private readonly options: ItemDatasetOptions<I, X, Y>;

  constructor(options: ItemDatasetOptions<I, X, Y>) {
    const { length, concurrency = 8 } = options;
    for (const [name, value, least] of [
      ["length", length, 0],
      ["concurrency", concurrency, 1],
    ] as const) {
      if (Number.isInteger(value) && value >= least) continue;
      throw new TensorError("ItemDataset", `${name} is ${value}, expected a whole number of at least ${least}.`);
    }
    this.length = length;
    this.options = options;
  }

  async batch(index: Int32Array, epoch: number, signal?: AbortSignal): Promise<Batch<X, Y>> {
    const { item, collate, concurrency = 8 } = this.options;
    const read = async (row: number, ending: AbortSignal) => {
      const either = signal ? AbortSignal.any([signal, ending]) : ending;
      try {
        return await item(row, epoch, either);
      } catch (cause) {
        if (either.aborted) throw cause;
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new TensorError("ItemDataset", `row ${row} could not be read: ${reason}`, { cause });
      }
    };
    const items: I[] = [];
    for await (const one of mapOrdered(index, read, concurrency - 1)) items.push(one);
    return { ...collate(items), size: index.length };
  }
}

/** Options of `padRows`. */
export interface PadRowsOptions {
  /** Fills rows that are shorter than the longest (0). */
  value?: number;
  /** Where the filling goes ("end"). */
  side?: "start" | "end";
  /** Lengths are rounded up to a multiple of it, so that fewer plans are made (1). */
  multiple?: number;
}

/** Rows of unequal length as one tensor [rows, longest], filled up, and their lengths, i32 [rows]. All are of one kind of array. */
export function padRows(
  rows: readonly HostArray[],
  { value = 0, side = "end", multiple = 1 }: PadRowsOptions = {},
): { values: Tensor; lengths: Tensor } {
  const [first] = rows;
  if (!first) throw new TensorError("padRows", "there are no rows.");
  const longest = Math.max(...rows.map((row) => row.length));
  const width = Math.ceil(Math.max(1, longest) / multiple) * multiple;
  const dtype = first instanceof Float32Array ? "f32" : first instanceof Int32Array ? "i32" : "u8";
  const kinds = { f32: Float32Array, i32: Int32Array, u8: Uint8Array };
  const data = new kinds[dtype](rows.length * width).fill(value);
  rows.forEach((row, i) => {
    if (row.constructor !== first.constructor) {
      throw new TensorError(
        "padRows",
        `row ${i} is of type ${row.constructor.name}, the first of ${first.constructor.name}.`,
      );
    }
    data.set(row as never, i * width + (side === "start" ? width - row.length : 0));
  });
  const lengths = Int32Array.from(rows, (row) => row.length);
  return { values: leaf(data, [rows.length, width], dtype), lengths: leaf(lengths, [rows.length], "i32") };
}
