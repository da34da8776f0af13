import { TensorError } from "@fai/tensor";
import { type Cell, kindOf, numbersOf, type Table, tableOf } from "./arrow.js";
import { codesOf } from "./categories.js";
import { PrepFitting } from "./prepFitting.js";
import type { Prepared, TabularPrepOptions, TabularPrepState } from "./prepState.js";

/**
 * What turns tables into a model's numbers: fitted on training rows only, saved as JSON, applied to any table with these columns (in whatever
 * order, and more of them) and to single rows. A constant column becomes 0; a value never seen gets code 0; a number missing where none
 * was missing in training becomes the median.
 */
export class TabularPrep {
  readonly state: TabularPrepState;
  /** Names of the columns of codes, flags of missing numbers included. */
  readonly catNames: readonly string[];
  /** Names of the columns of numbers, flags of missing numbers included. */
  readonly contNames: readonly string[];

  constructor(state: TabularPrepState) {
    this.state = state;
    const flags = Object.entries(state.continuous)
      .filter(([, { missing }]) => missing > 0)
      .map(([name]) => `${name}_na`);
    this.catNames = [...Object.keys(state.categorical), ...(state.missingFlag === "categorical" ? flags : [])];
    this.contNames = [...Object.keys(state.continuous), ...(state.missingFlag === "continuous" ? flags : [])];
  }

  /** A prep fitted on a table, or on some of its rows. Throws, naming the column, on what cannot be prepared. */
  static fit(table: Table, options: TabularPrepOptions, rows?: Int32Array): TabularPrep {
    const fitting = new PrepFitting(options);
    fitting.add(table, rows);
    return new TabularPrep(fitting.finish());
  }

  /** A prep fitted on tables that come one after another; only statistics are kept. Beyond a million values, medians are of a random million. */
  static async fitStream(tables: AsyncIterable<Table>, options: TabularPrepOptions): Promise<TabularPrep> {
    const fitting = new PrepFitting(options);
    for await (const table of tables) fitting.add(table);
    return new TabularPrep(fitting.finish());
  }

  /** Number of codes of each column of codes, 0 (missing and unseen) included. */
  get cardinalities(): number[] {
    const { categorical } = this.state;
    return this.catNames.map((name) => (categorical[name]?.values.length ?? 2) + 1);
  }

  /** Numbers that the model gives: classes, or numbers to predict; 0 without a target. */
  get outputs(): number {
    const { target } = this.state;
    if (!target) return 0;
    return target.kind === "class" ? target.classes.length : target.columns.length;
  }

  /** A table as a model's numbers; with `target`, what is to be predicted too. Throws when a column is missing or of another kind. */
  apply(table: Table, { target = false }: { target?: boolean } = {}): Prepared {
    const rows = table.numRows;
    if (rows === 0) throw new TensorError("TabularPrep", "the table has no rows.");
    const { categorical, continuous, missingFlag } = this.state;
    const [catCount, contCount] = [this.catNames.length, this.contNames.length];
    const cats = catCount > 0 ? new Int32Array(rows * catCount) : undefined;
    const conts = contCount > 0 ? new Float32Array(rows * contCount) : undefined;
    let [cat, cont] = [0, 0];
    for (const [name, categories] of Object.entries(categorical)) {
      const codes = codesOf(table, name, categories);
      for (let i = 0; i < rows; i++) cats![i * catCount + cat] = codes[i]!;
      cat++;
    }
    let flagged = Object.keys(continuous).length;
    for (const [name, { median, mean, std, missing }] of Object.entries(continuous)) {
      const values = numbersOf(table, name);
      const scale = std > 0 ? 1 / std : 0;
      for (let i = 0; i < rows; i++) {
        const value = values[i]!;
        conts![i * contCount + cont] = ((Number.isNaN(value) ? median : value) - mean) * scale;
      }
      if (missing > 0 && missingFlag === "categorical") {
        for (let i = 0; i < rows; i++) cats![i * catCount + cat] = Number.isNaN(values[i]!) ? 2 : 1;
        cat++;
      } else if (missing > 0 && missingFlag === "continuous") {
        const spread = Math.sqrt(missing * (1 - missing));
        for (let i = 0; i < rows; i++)
          conts![i * contCount + flagged] = ((Number.isNaN(values[i]!) ? 1 : 0) - missing) / (spread || 1);
        flagged++;
      }
      cont++;
    }
    return { rows, ...(cats && { cats }), ...(conts && { conts }), ...(target && { target: this.targetsOf(table) }) };
  }

  /** One row, given as an object; fields that are missing or null are missing values. Throws on fields of another kind. */
  applyRow(row: Readonly<Record<string, Cell>>): Prepared {
    const names = [...Object.keys(this.state.categorical), ...Object.keys(this.state.continuous)];
    if (!names.some((name) => name in row))
      throw new TensorError("TabularPrep", `the row has none of the columns ${names.join(", ")}.`);
    return this.apply(tableOf(Object.fromEntries(names.map((name) => [name, [row[name]]]))));
  }

  /** What a model's outputs for one row mean: turned back from logarithms; of a single target, the number itself. */
  targetValue(outputs: ArrayLike<number>): number | number[] {
    const { target } = this.state;
    const log = target?.kind === "number" && target.log;
    const values = Array.from(outputs, (value) => (log ? Math.exp(value) : value));
    return values.length === 1 ? values[0]! : values;
  }

  private targetsOf(table: Table): Int32Array | Float32Array {
    const { target } = this.state;
    if (!target)
      throw new TensorError("TabularPrep", "the prep was fitted without a target. Pass { target: name } to fit.");
    if (target.kind === "class") {
      const codes = codesOf(table, target.column, { kind: kindOf(table, target.column), values: target.classes });
      const row = codes.indexOf(0);
      if (row < 0) return codes.map((code) => code - 1);
      throw new TensorError(
        "TabularPrep",
        `${target.column} of row ${row} is missing or none of the classes ${target.classes.join(", ")}.`,
      );
    }
    const count = target.columns.length;
    const out = new Float32Array(table.numRows * count);
    target.columns.forEach((name, c) => {
      numbersOf(table, name).forEach((value, i) => {
        const learnt = target.log ? Math.log(value) : value;
        if (!Number.isFinite(learnt))
          throw new TensorError(
            "TabularPrep",
            `${name} of row ${i} is ${value}${target.log ? ", which has no logarithm" : ""}. Leave such rows out.`,
          );
        out[i * count + c] = learnt;
      });
    });
    return out;
  }
}
