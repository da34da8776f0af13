/** @fai/tabular/models: the model, its prep and its predictor. It trains nothing, reads no files and runs in browsers. */
export type { Cell, Table } from "../arrow.js";
export type { Categories, CategoryValue } from "../categories.js";
export { type TabularPrediction, TabularPredictor } from "../predictor.js";
export { TabularPrep } from "../prep.js";
export type { ContinuousState, Prepared, TabularPrepOptions, TabularPrepState, TargetState } from "../prepState.js";
export {
  embeddingSize,
  type TabularInput,
  type TabularLayout,
  TabularModel,
  type TabularModelOptions,
  type TabularShape,
} from "./tabularModel.js";
