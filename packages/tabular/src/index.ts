/** @fai/tabular: tables in, predictions out. Needs Node to read files; @fai/tabular/models only predicts. */
export { type AddDatepartOptions, addDatepart, datesOf } from "./addDatepart.js";
export {
  type Cell,
  type ColumnKind,
  type ColumnValues,
  cellsOf,
  columnNames,
  decodeArrow,
  encodeArrow,
  kindOf,
  numbersOf,
  type Table,
  type TableOfOptions,
  tableOf,
  takeRows,
  withColumns,
  withoutColumns,
} from "./arrow.js";
export { applyCats, type Categories, type CategoryValue, type TrainCatsOptions, trainCats } from "./categories.js";
export { StreamedRows, type StreamedRowsOptions } from "./data/streamedRows.js";
export { TabularData, type TabularDataOptions, type TabularSplit } from "./data/tabularData.js";
export { describe, rowsOf } from "./describe.js";
export { type ElapsedEventsOptions, elapsedEvents } from "./elapsedEvents.js";
export { type EmbeddingPoint, embeddingMap, embeddingTable } from "./embeddingTables.js";
export type { TextKind } from "./inferColumn.js";
export { type ColumnImportance, TabularLearner, type TabularLearnerOptions, tabularLearner } from "./learner.js";
export {
  embeddingSize,
  type TabularInput,
  type TabularLayout,
  TabularModel,
  type TabularModelOptions,
  type TabularShape,
} from "./models/tabularModel.js";
export { type TabularPrediction, TabularPredictor } from "./predictor.js";
export { TabularPrep } from "./prep.js";
export type { ContinuousState, Prepared, TabularPrepOptions, TabularPrepState, TargetState } from "./prepState.js";
export { readArrow, streamArrow, writeArrow, writeArrowStream } from "./read/arrowFile.node.js";
export { type CsvOptions, readCsv, streamCsv, writeCsv } from "./read/csv.node.js";
export { type JsonLinesOptions, readJsonLines, streamJsonLines } from "./read/jsonLines.node.js";
export { type ParquetOptions, readParquet, streamParquet } from "./read/parquet.node.js";
export { type RollingSumsOptions, rollingSums } from "./rollingSums.js";
export { fromArquero, type LeftJoinOptions, leftJoin, toArquero } from "./wrangle.js";
