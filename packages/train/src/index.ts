// The Learner and its run.
export { type Callback, Cancel, type EventHandler, type EventName, eventNames } from "./callback.js";
export { accumulateGradients } from "./callbacks/accumulateGradients.js";
export { type AverageWeights, type AverageWeightsOptions, averageWeights } from "./callbacks/averageWeights.js";
export { type CheckpointOptions, checkpoint } from "./callbacks/checkpoint.js";
export { type ClipGradientsOptions, clipGradients } from "./callbacks/clipGradients.js";
export { csvLog } from "./callbacks/csvLog.js";
export { type EarlyStoppingOptions, earlyStopping } from "./callbacks/earlyStopping.js";
export { type EventStreamOptions, eventStream, type RunEvent } from "./callbacks/eventStream.js";
export { labelSmoothing } from "./callbacks/labelSmoothing.js";
export { type MixedPrecision, type MixedPrecisionOptions, mixedPrecision } from "./callbacks/mixedPrecision.js";
export { mixup } from "./callbacks/mixup.js";
export { type Profiler, profiler, type StepProfile } from "./callbacks/profiler.js";
// Callbacks.
export { type ProgressOptions, type ProgressStream, progress } from "./callbacks/progress.js";
export { type ReduceOnPlateauOptions, reduceOnPlateau } from "./callbacks/reduceOnPlateau.js";
export { saveBest } from "./callbacks/saveBest.js";
export {
  activationStatistics,
  gradientStatistics,
  type StatisticsCallback,
  type StatisticsOptions,
  type TensorStatistics,
} from "./callbacks/statistics.js";
export { type TerminateOnNaNOptions, terminateOnNaN } from "./callbacks/terminateOnNaN.js";
export { type ClippedGradients, clipGradNorm } from "./clipGradNorm.js";
export type { Column } from "./data/collate.js";
export { type CvIdxsOptions, getCvIdxs } from "./data/cvIdxs.js";
export { ArrayDataset, type Batch, type BatchOf, type Columns, type Dataset } from "./data/dataset.js";
export { ItemDataset, type ItemDatasetOptions, type PadRowsOptions, padRows } from "./data/itemDataset.js";
export { DataLoader, type DataLoaderOptions } from "./data/loader.js";
export { mapOrdered } from "./data/mapOrdered.js";
export { type PrefetchToDeviceOptions, prefetchToDevice } from "./data/prefetchToDevice.js";
export { type Sampler, sequential, shuffled, weighted } from "./data/sampler.js";
export { StreamLoader, type StreamLoaderOptions } from "./data/streamLoader.js";
export { WorkerPool, type WorkerPoolOptions, workerPool } from "./data/workerPool.js";
export { averagePredictions } from "./ensemble.js";
export {
  type BatchSource,
  type FitData,
  type FitOptions,
  type FitProgress,
  type FitRow,
  fit,
  type ValidateOptions,
  validate,
} from "./fit.js";
export type { FitLength, RunSize } from "./fitPlan.js";
export type { LayerGroups, RateRange, Rates } from "./groups.js";
export { Learner } from "./learner.js";
export type {
  FineTuneOptions,
  LearnerFitOptions,
  LearnerOptions,
  RunOptions,
  ScheduledFitOptions,
} from "./learnerOptions.js";
export type { Measured } from "./loop.js";
export type { Activation } from "./lossActivation.js";
export {
  accuracyThreshold,
  areaUnderCurve,
  auc,
  bestThreshold,
  confusionMatrix,
  type FBetaOptions,
  fBeta,
  logLoss,
  perplexity,
  precision,
  recall,
  type ThresholdOptions,
  topK,
} from "./metrics/classification.js";
export { expRmspe, mae, meanSquaredError, r2, rmse } from "./metrics/regression.js";
export { type AnyMetric, accuracy, type Metric, type SetMetric } from "./metrics.js";
export type { MonitorOptions } from "./monitor.js";
// Optimizers.
export { type AdagradOptions, adagrad } from "./optim/adagrad.js";
export { type AdamOptions, adam, adamW } from "./optim/adam.js";
export {
  Optimizer,
  type OptimizerFactory,
  type OptimizerOptions,
  type OptimizerState,
  type ParameterGroup,
  type ParameterList,
  type StepOptions,
  type Stepper,
  type Update,
} from "./optim/optimizer.js";
export { radam } from "./optim/radam.js";
export { type RmsPropOptions, rmsProp } from "./optim/rmsProp.js";
export { type SgdOptions, sgd } from "./optim/sgd.js";
export { type ParameterState, StepMemory } from "./optim/stepMemory.js";
export { decayWeights, type WeightDecayOptions } from "./optim/weightDecay.js";
export type { Predictions } from "./predictions.js";
export {
  encodePredictor,
  loadPredictor,
  type Predictor,
  type PredictorInfo,
  type PredictorParts,
  type PredictorSource,
  savePredictor,
} from "./predictor.js";
export { reestimateBatchNorms } from "./reestimateBatchNorms.js";
export { type EpochRow, type History, Run, type RunParts } from "./run.js";
// Schedules.
export { type CircularBetaShape, type CircularShape, circular, circularBeta } from "./schedules/circular.js";
export type { Cycles } from "./schedules/cycles.js";
export type { LrFindOptions, LrFindResult } from "./schedules/lrFinder.js";
export type { TrainingPhase } from "./schedules/phases.js";
export {
  type Curve,
  combine,
  constant,
  cosine,
  exponential,
  type FlatCosineOptions,
  flatCosine,
  followSchedule,
  linear,
  type OneCycleOptions,
  oneCycle,
  polynomial,
  type Schedule,
  type WarmUpOptions,
  warmUp,
} from "./schedules/schedule.js";
export { type CycleScheduleOptions, sgdr } from "./schedules/sgdr.js";
export type { RateSuggestions } from "./schedules/suggestRate.js";
export { type LayerRow, layerTable } from "./summary.js";
