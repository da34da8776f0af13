import type { Categories, CategoryValue } from "./categories.js";

/** What is to be learnt of which columns. */
export interface TabularPrepOptions {
  /** Columns whose values get a vector each; numbers with few values (a day of the week, a shop) belong here too. */
  categorical?: readonly string[];
  /** Columns of numbers. */
  continuous?: readonly string[];
  /** What is to be predicted: one column, or several of numbers. Without, the prep is for inputs only. */
  target?: string | readonly string[];
  /** What the target is ("class" for texts and booleans, "number" for numbers). */
  targetKind?: "class" | "number";
  /** Whether the model learns the logarithm of the target (false); predictions are turned back. */
  logTarget?: boolean;
  /** Orders of categories (ascending). */
  order?: Readonly<Record<string, readonly CategoryValue[]>>;
  /** Where it is noted that a number was missing: a column of its own among the continuous ones (fastai 0.7, the default), among the categories (v1 and v2), or nowhere. */
  missingFlag?: "continuous" | "categorical" | "none";
}

/** How a column of numbers is prepared: missing ones become the median, then (x - mean) / std. */
export interface ContinuousState {
  readonly median: number;
  readonly mean: number;
  readonly std: number;
  /** Share of the training rows in which it was missing; above 0, a flag says so. */
  readonly missing: number;
}

/** How the target is prepared. */
export type TargetState =
  | { readonly kind: "class"; readonly column: string; readonly classes: readonly CategoryValue[] }
  | {
      readonly kind: "number";
      readonly columns: readonly string[];
      readonly log: boolean;
      readonly range: readonly [low: number, high: number];
    };

/** A fitted prep as JSON. */
export interface TabularPrepState {
  readonly version: 1;
  readonly categorical: Readonly<Record<string, Categories>>;
  readonly continuous: Readonly<Record<string, ContinuousState>>;
  readonly missingFlag: "continuous" | "categorical" | "none";
  readonly target?: TargetState;
}

/** A table made ready for a model; rows stand one behind the other. */
export interface Prepared {
  readonly rows: number;
  /** Codes, [rows, categorical columns]; missing when there are none. */
  readonly cats?: Int32Array;
  /** Numbers, [rows, continuous columns]; missing when there are none. */
  readonly conts?: Float32Array;
  /** Classes [rows], or numbers [rows, targets]; missing unless asked for. */
  readonly target?: Int32Array | Float32Array;
}
