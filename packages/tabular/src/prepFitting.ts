import { TensorError } from "@fai/tensor";
import { columnNames, encode, kindOf, numbersOf, type Table } from "./arrow.js";
import { type Categories, type CategoryValue, categoriesOf, seenValues } from "./categories.js";
import { ColumnStatistics } from "./columnStatistics.js";
import type { ContinuousState, TabularPrepOptions, TabularPrepState, TargetState } from "./prepState.js";

/** Collects what a prep needs to know, table by table. */
export class PrepFitting {
  private readonly options: TabularPrepOptions;
  private readonly seen = new Map<string, { kind: Categories["kind"]; values: Set<CategoryValue> }>();
  private readonly statistics = new Map<string, ColumnStatistics>();
  private rows = 0;

  /** Throws when no column is named, or one twice. */
  constructor(options: TabularPrepOptions) {
    this.options = options;
    const { categorical = [], continuous = [], target } = options;
    const names = [
      ...categorical,
      ...continuous,
      ...(target === undefined ? [] : typeof target === "string" ? [target] : target),
    ];
    if (categorical.length + continuous.length === 0)
      throw new TensorError("TabularPrep", "neither categorical nor continuous columns are named.");
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined)
      throw new TensorError("TabularPrep", `column ${twice} is named twice, among categorical, continuous and target.`);
  }

  /** Takes in a table, or some of its rows. */
  add(table: Table, rows?: Int32Array): void {
    columnNames(table);
    const { categorical = [], continuous = [] } = this.options;
    this.rows += rows?.length ?? table.numRows;
    const targets = this.targets();
    for (const name of [...categorical, ...(this.isClass(table) ? targets : [])]) {
      const { codes, values } = encode(table, name);
      const entry = this.seen.get(name) ?? { kind: kindOf(table, name), values: new Set<CategoryValue>() };
      for (const value of seenValues(codes, values, rows)) entry.values.add(value);
      this.seen.set(name, entry);
    }
    for (const name of [...continuous, ...(this.isClass(table) ? [] : targets)]) {
      let entry = this.statistics.get(name);
      if (!entry) this.statistics.set(name, (entry = new ColumnStatistics()));
      const numbers = numbersOf(table, name);
      entry.add(targets.includes(name) && this.options.logTarget ? numbers.map(Math.log) : numbers, rows);
    }
  }

  /** What was found; throws, naming the column, on what cannot be prepared. */
  finish(): TabularPrepState {
    if (this.rows === 0) throw new TensorError("TabularPrep", "there are no training rows.");
    const { categorical = [], continuous = [], order = {}, missingFlag = "continuous" } = this.options;
    const cats = categorical.map((name) => {
      const { kind, values } = this.seen.get(name)!;
      return [name, categoriesOf(name, [...values], { kind, order: order[name] })] as const;
    });
    const conts = continuous.map((name): [string, ContinuousState] => {
      const column = this.statistics.get(name)!;
      return [name, { ...column.finish(name), missing: column.missing / this.rows }];
    });
    const target = this.targetState();
    return {
      version: 1,
      categorical: Object.fromEntries(cats),
      continuous: Object.fromEntries(conts),
      missingFlag,
      ...(target && { target }),
    };
  }

  private targets(): readonly string[] {
    const { target } = this.options;
    return target === undefined ? [] : typeof target === "string" ? [target] : target;
  }

  private isClass(table: Table): boolean {
    const { targetKind } = this.options;
    const [first] = this.targets();
    if (first === undefined) return false;
    const kind = kindOf(table, first);
    const isClass = targetKind === undefined ? kind === "text" || kind === "boolean" : targetKind === "class";
    if (isClass && this.targets().length > 1)
      throw new TensorError("TabularPrep", `several targets must be numbers; ${first} holds classes.`);
    return isClass;
  }

  private targetState(): TargetState | undefined {
    const columns = this.targets();
    const [first] = columns;
    if (first === undefined) return undefined;
    const classes = this.seen.get(first);
    if (classes) {
      const { values } = categoriesOf(first, [...classes.values], {
        kind: classes.kind,
        order: this.options.order?.[first],
      });
      return { kind: "class", column: first, classes: values };
    }
    const parts = columns.map((name) => this.statistics.get(name)!);
    parts.forEach((part, i) => {
      part.finish(columns[i]!);
    });
    const range = [
      Math.min(...parts.map((part) => part.lowest)),
      Math.max(...parts.map((part) => part.highest)),
    ] as const;
    return { kind: "number", columns, log: this.options.logTarget ?? false, range };
  }
}
