export {
  ELU,
  GELU,
  Hardswish,
  LeakyReLU,
  LogSoftmax,
  Mish,
  PReLU,
  ReLU,
  SELU,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from "./activation.js";
export { BatchNorm1d, BatchNorm2d, type BatchNormLayerOptions } from "./batchNorm.js";
export { type BceOptions, type BceWithLogitsOptions, bce, bceWithLogits } from "./binaryCrossEntropy.js";
export {
  Conv1d,
  type Conv1dLayerOptions,
  Conv2d,
  type Conv2dLayerOptions,
  ConvTranspose2d,
  type ConvTranspose2dLayerOptions,
} from "./conv.js";
export { type CrossEntropyOptions, crossEntropy, type NllOptions, nll } from "./crossEntropy.js";
export { Dropout, Dropout2d } from "./dropout.js";
export { Embedding, type EmbeddingOptions } from "./embedding.js";
export { type Hook, type HookFunction, hook } from "./hook.js";
export {
  constantInit,
  fans,
  gain,
  identity,
  type KaimingOptions,
  kaimingNormal,
  kaimingUniform,
  type Nonlinearity,
  normal,
  orthogonal,
  type TruncatedNormalOptions,
  truncatedNormal,
  uniform,
  xavierNormal,
  xavierUniform,
} from "./init.js";
export { Linear, type LinearOptions } from "./linear.js";
export { type LinearCrossEntropyOptions, linearCrossEntropy } from "./linearCrossEntropy.js";
export {
  type CosineEmbeddingOptions,
  cosineEmbedding,
  type HuberOptions,
  huber,
  type KlDivOptions,
  klDiv,
  l1,
  mse,
  type SmoothL1Options,
  smoothL1,
} from "./loss.js";
export { type AnyModule, type InputOf, Module, type OutputOf } from "./module.js";
export { GroupNorm, type GroupNormOptions, InstanceNorm, LayerNorm, type LayerNormOptions } from "./norm.js";
export {
  AdaptiveAvgPool2d,
  AdaptiveConcatPool2d,
  AdaptiveMaxPool2d,
  AvgPool1d,
  AvgPool2d,
  MaxPool1d,
  MaxPool2d,
} from "./pool.js";
export {
  GRU,
  LSTM,
  type LSTMState,
  type RecurrentInput,
  type RecurrentOptions,
  type RecurrentOutput,
  RNN,
  type RNNOptions,
} from "./recurrent.js";
export { GRUCell, LSTMCell, type RecurrentCellOptions, RNNCell, type RNNCellOptions } from "./recurrentCell.js";
export type { RecurrentNonlinearity } from "./recurrentStep.js";
export type { LossOptions, Reduction } from "./reduction.js";
export { Flatten, Identity, Lambda, Residual, Sequential } from "./sequential.js";
