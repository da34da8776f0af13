import { leaf, softmax, type Tensor, TensorError } from "@fai/tensor";
import type { Cell, Table } from "./arrow.js";
import type { CategoryValue } from "./categories.js";
import type { TabularInput, TabularModel } from "./models/tabularModel.js";
import type { TabularPrep } from "./prep.js";
import type { Prepared } from "./prepState.js";

/** What a model says of one row. */
export interface TabularPrediction {
  /** The likeliest class, or the number (several targets: their numbers). */
  readonly value: CategoryValue | readonly number[];
  /** Of classes: how likely each is, in the order of `classes`. */
  readonly probabilities?: readonly number[];
  readonly classes?: readonly CategoryValue[];
}

/** A trained model with the prep that made its numbers: rows in, values out. It trains nothing and runs in browsers. */
export class TabularPredictor {
  readonly prep: TabularPrep;
  readonly model: TabularModel;

  constructor(prep: TabularPrep, model: TabularModel) {
    this.prep = prep;
    this.model = model;
  }

  /** What the model says of one row, an object with the columns as fields. */
  async predict(row: Readonly<Record<string, Cell>>): Promise<TabularPrediction> {
    return (await this.outputs(this.prep.applyRow(row)))[0]!;
  }

  /** What the model says of each row of a table. */
  async predictTable(table: Table, { batchSize = 4096 }: { batchSize?: number } = {}): Promise<TabularPrediction[]> {
    const all: TabularPrediction[] = [];
    for (let at = 0; at < table.numRows; at += batchSize)
      all.push(...(await this.outputs(this.prep.apply(table.slice(at, at + batchSize)))));
    return all;
  }

  private async outputs(prepared: Prepared): Promise<TabularPrediction[]> {
    const { target } = this.prep.state;
    if (!target) throw new TensorError("TabularPredictor", "the prep was fitted without a target.");
    const output = this.model.eval().call(inputOf(prepared));
    const values = await (target.kind === "class" ? softmax(output, -1) : output).data();
    const width = values.length / prepared.rows;
    return Array.from({ length: prepared.rows }, (_, i): TabularPrediction => {
      const row = values.subarray(i * width, (i + 1) * width);
      if (target.kind === "number") return { value: this.prep.targetValue(row) };
      const best = row.indexOf(row.reduce((a, b) => Math.max(a, b)));
      return { value: target.classes[best]!, probabilities: [...row], classes: target.classes };
    });
  }
}

/** Prepared rows as a batch. */
export function inputOf({ rows, cats, conts }: Prepared): TabularInput {
  const tensorOf = (data: Int32Array | Float32Array): Tensor =>
    leaf(data, [rows, data.length / rows], data instanceof Int32Array ? "i32" : "f32");
  return { ...(cats && { cats: tensorOf(cats) }), ...(conts && { conts: tensorOf(conts) }) };
}
