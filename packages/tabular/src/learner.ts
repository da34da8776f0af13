import { Generator, type Tensor } from "@fai/tensor";
import { crossEntropy, mse } from "@fai/tensor/nn";
import { accuracy, adam, Learner, type LearnerOptions } from "@fai/train";
import type { Cell, Table } from "./arrow.js";
import type { TabularData } from "./data/tabularData.js";
import { type TabularInput, TabularModel, type TabularModelOptions } from "./models/tabularModel.js";
import { type TabularPrediction, TabularPredictor } from "./predictor.js";
import type { Prepared } from "./prepState.js";

/** Options of `tabularLearner`: those of a Learner, and those of the model. */
export interface TabularLearnerOptions
  extends Partial<LearnerOptions<TabularInput, Tensor, Tensor>>,
    TabularModelOptions {
  /** A model made before; the model's options are not looked at then. */
  model?: TabularModel;
}

/** How much worse the validation loss gets when one column is shuffled. */
export interface ColumnImportance {
  readonly column: string;
  /** Loss with the column shuffled, less the loss without. */
  readonly importance: number;
}

/** A Learner of tables: it also predicts rows and tells which columns matter. */
export class TabularLearner extends Learner<TabularInput, Tensor, Tensor> {
  declare readonly data: TabularData;
  declare readonly model: TabularModel;

  /** The model with its prep, which needs no training code. */
  predictor(): TabularPredictor {
    return new TabularPredictor(this.data.prep, this.model);
  }

  /** Writes the model and its prep to a file, for `TabularPredictor.load`; the old file stays until the new one is whole. */
  override async savePredictor(path: string): Promise<void> {
    await this.predictor().save(path);
  }

  /** What the model says of one row, an object with the columns as fields. */
  predictRow(row: Readonly<Record<string, Cell>>): Promise<TabularPrediction> {
    return this.predictor().predict(row);
  }

  /** What the model says of each row of a table. */
  predictTable(table: Table): Promise<TabularPrediction[]> {
    return this.predictor().predictTable(table);
  }

  /**
   * The columns by how much the model relies on them, the most important first: the validation loss with the column shuffled less the
   * loss as it is (Breiman, 2001). The flag of a missing number is shuffled with its column.
   */
  async permutationImportance({ seed = 0 }: { seed?: number } = {}): Promise<ColumnImportance[]> {
    const { prep, validSet } = this.data;
    const batchSize = 512;
    const base = await this.validate(this.data.loaderOf(validSet, batchSize));
    const order = new Generator(seed).permutation(validSet.rows);
    const columns = [...Object.keys(prep.state.categorical), ...Object.keys(prep.state.continuous)];
    const found: ColumnImportance[] = [];
    for (const column of columns) {
      const own = (names: readonly string[]) =>
        [...names.keys()].filter((i) => names[i] === column || names[i] === `${column}_na`);
      const shuffled = shuffleColumns(validSet, order, { cats: own(prep.catNames), conts: own(prep.contNames) });
      const { loss } = await this.validate(this.data.loaderOf(shuffled, batchSize));
      found.push({ column, importance: loss - base.loss });
    }
    return found.sort((a, b) => b.importance - a.importance);
  }
}

/**
 * A Learner of a table: `tabularLearner(data, { layers: [1000, 500], dropout: [0.001, 0.01], yRange: data.yRange() })`. Classes are learnt by
 * cross-entropy and measured by accuracy, numbers by the mean squared error; the optimizer is Adam.
 */
export function tabularLearner(data: TabularData, options: TabularLearnerOptions = {}): TabularLearner {
  const { model, layers, layout, embeddingSizes, embeddingDropout, dropout, batchNorm, yRange, ...rest } = options;
  const shape = { layers, layout, embeddingSizes, embeddingDropout, dropout, batchNorm, yRange };
  const given = Object.fromEntries(
    Object.entries(shape).filter(([, value]) => value !== undefined),
  ) as TabularModelOptions;
  const made = model ?? new TabularModel(data.prep, given);
  const isClass = data.prep.state.target?.kind === "class";
  return new TabularLearner(data, made, {
    loss: isClass ? crossEntropy : mse,
    optimizer: adam(),
    ...(isClass && { metrics: { accuracy } }),
    ...rest,
  });
}

function shuffleColumns(
  prepared: Prepared,
  order: Int32Array,
  columns: { cats: readonly number[]; conts: readonly number[] },
): Prepared {
  const shuffle = <A extends Int32Array | Float32Array>(
    data: A | undefined,
    indices: readonly number[],
  ): A | undefined => {
    if (!data) return undefined;
    const width = data.length / prepared.rows;
    const out = data.slice() as A;
    for (const k of indices) for (let i = 0; i < prepared.rows; i++) out[i * width + k] = data[order[i]! * width + k]!;
    return out;
  };
  const [cats, conts] = [shuffle(prepared.cats, columns.cats), shuffle(prepared.conts, columns.conts)];
  return { ...prepared, ...(cats && { cats }), ...(conts && { conts }) };
}
