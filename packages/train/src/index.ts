export { clipGradNorm, type ClippedGradients } from "./clipGradNorm.js";
export { type Column } from "./data/collate.js";
export { ArrayDataset, type Batch, type BatchOf, type Columns, type Dataset } from "./data/dataset.js";
export { DataLoader, type DataLoaderOptions } from "./data/loader.js";
export { mapOrdered } from "./data/mapOrdered.js";
export { sequential, shuffled, type Sampler } from "./data/sampler.js";
export { fit, validate, type BatchSource, type FitData, type FitOptions, type FitProgress, type FitRow, type ValidateOptions } from "./fit.js";
export { accuracy, type Metric } from "./metrics.js";
export { adam, type AdamOptions } from "./optim/adam.js";
export {
  Optimizer,
  type OptimizerFactory,
  type OptimizerOptions,
  type OptimizerState,
  type Stepper,
  type Update,
} from "./optim/optimizer.js";
export { sgd, type SgdOptions } from "./optim/sgd.js";
export { type ParameterState, StepMemory } from "./optim/stepMemory.js";
export { decayWeights, type WeightDecayOptions } from "./optim/weightDecay.js";
export { Cancel, type Callback, type EventHandler, type EventName, eventNames } from "./callback.js";
export { progress, type ProgressOptions, type ProgressStream } from "./callbacks/progress.js";
export { Learner, type LearnerFitOptions, type LearnerOptions, type Predictions } from "./learner.js";
export { type EpochRow, type History, Run } from "./run.js";
export {
  combine,
  constant,
  cosine,
  type Curve,
  exponential,
  followSchedule,
  linear,
  oneCycle,
  type OneCycleOptions,
  type Schedule,
} from "./schedules/schedule.js";
