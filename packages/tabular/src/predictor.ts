import { leaf, type Tensor, TensorError } from "@fai/tensor";
import {
  type Activation,
  activate,
  encodePredictor,
  loadPredictor,
  type PredictorParts,
  type PredictorSource,
  savePredictor,
} from "@fai/train/predictor";
import type { Cell, Table } from "./arrow.js";
import type { CategoryValue } from "./categories.js";
import { type TabularInput, TabularModel, type TabularModelOptions } from "./models/tabularModel.js";
import { TabularPrep } from "./prep.js";
import type { Prepared, TabularPrepState } from "./prepState.js";

const kind = "tabular";

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
  /** What makes predictions of the model's outputs. */
  readonly activation: Activation;

  constructor(
    prep: TabularPrep,
    model: TabularModel,
    activation: Activation = prep.state.target?.kind === "class" ? "softmax" : "none",
  ) {
    this.prep = prep;
    this.model = model;
    this.activation = activation;
  }

  /** A predictor from its bytes, a path or an address: the file says how its model is made. Throws when it is of something else. */
  static async load(source: PredictorSource): Promise<TabularPredictor> {
    const { model, preparation, activation } = await loadPredictor<
      TabularInput,
      Tensor,
      TabularModelOptions,
      TabularPrepState
    >(source, kind, ({ architecture, preparation }) => new TabularModel(new TabularPrep(preparation), architecture));
    return new TabularPredictor(new TabularPrep(preparation), model as TabularModel, activation);
  }

  /** The bytes of a predictor's file: weights and preparation. */
  encode(): Promise<Uint8Array> {
    return encodePredictor(this.parts());
  }

  /** Writes a predictor's file (in Node); the old one stays until the new one is whole. */
  save(path: string): Promise<void> {
    return savePredictor(path, this.parts());
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

  private parts(): PredictorParts {
    const { model, prep, activation } = this;
    return { kind, model, architecture: model.options, preparation: prep.state, activation };
  }

  private async outputs(prepared: Prepared): Promise<TabularPrediction[]> {
    const { target } = this.prep.state;
    if (!target) throw new TensorError("TabularPredictor", "the prep was fitted without a target.");
    const output = this.model.eval().call(inputOf(prepared));
    const values = await activate(this.activation, output).data();
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
