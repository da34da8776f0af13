import { TensorError } from "@fai/tensor";

/** What users and items are called in a table: texts, numbers, or big integers. */
export type Id = string | number | bigint;

/**
 * The ids of users or items and the rows 0, 1, 2 ... that stand for them in embedding tables. Ids may be anything and need not be
 * contiguous: they are numbered in their order of appearance. 7 and "7" are two ids.
 */
export class IdIndex {
  /** The id of each row. */
  readonly ids: readonly Id[];
  private readonly rows: ReadonlyMap<Id, number>;

  /** Throws when an id stands twice. */
  constructor(ids: readonly Id[]) {
    this.ids = ids;
    const rows = new Map<Id, number>();
    ids.forEach((id, row) => {
      if (rows.has(id))
        throw new TensorError("IdIndex", `the id ${String(id)} stands at ${rows.get(id)} and at ${row}.`);
      rows.set(id, row);
    });
    this.rows = rows;
  }

  /** The index of a column of ids, and the row of each of its values. Throws on a missing id, naming the place. */
  static of(column: string, values: ArrayLike<unknown>): { index: IdIndex; rows: Int32Array } {
    const seen = new Map<Id, number>();
    const rows = new Int32Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const id = values[i];
      if (!isId(id)) {
        throw new TensorError(
          "IdIndex",
          `${column} of row ${i} is ${String(id)}, expected an id (text or number). Leave rows without one out?`,
        );
      }
      let row = seen.get(id);
      if (row === undefined) seen.set(id, (row = seen.size));
      rows[i] = row;
    }
    return { index: new IdIndex([...seen.keys()]), rows };
  }

  /** Number of ids. */
  get size(): number {
    return this.ids.length;
  }

  /** The row of an id; undefined for one that was not in the table. */
  find(id: Id): number | undefined {
    return this.rows.get(id);
  }

  /** The row of an id; throws for one that was not in the table. */
  rowOf(id: Id): number {
    const row = this.rows.get(id);
    if (row !== undefined) return row;
    const other = typeof id === "number" ? String(id) : Number(id);
    const hint = this.rows.has(other) ? ` There is ${JSON.stringify(other)}, a ${typeof other}.` : "";
    throw new TensorError(
      "IdIndex",
      `${JSON.stringify(typeof id === "bigint" ? String(id) : id)} is none of the ${this.size} ids.${hint}`,
    );
  }
}

function isId(value: unknown): value is Id {
  if (typeof value === "string") return value !== "";
  return typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value));
}
