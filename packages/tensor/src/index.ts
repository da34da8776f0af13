// Tensors and what makes and computes them. Layers are in @fai/tensor/nn, weights files in @fai/tensor/io.

export { type CpuOptions, type OpenCpuOptions, openCpu, openWasm } from "#cpu";
export { openCpuSync } from "#cpuSync";
// Devices.
export type { Backend, DeviceMemory } from "./backend.js";
// Cells: what changes from step to step.
export { Cell, discard, Parameter, State } from "./cell.js";
export { byteSize, type DType, type HostArray, type HostArrayOf, type StorageDType } from "./dtype.js";
export { TensorError } from "./errors.js";
export { type GradCheckElement, type GradCheckOptions, type GradCheckReport, gradCheck } from "./gradCheck.js";
export { type GradientOptions, gradients } from "./gradients.js";
export { OutOfMemoryError } from "./memory.js";
export { leaf } from "./node.js";
// The functional form of every operation, by the file it is written in.
export {
  celu,
  elu,
  type GeluOptions,
  gelu,
  glu,
  type HardtanhOptions,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  prelu,
  relu,
  relu6,
  type SoftplusOptions,
  selu,
  silu,
  softmax,
  softplus,
  softsign,
} from "./ops/activation.js";
export { type AutocastOptions, autocast } from "./ops/autocast.js";
export {
  avgPool2d,
  type ConvOptions,
  conv2d,
  matmul,
  maxPool2d,
  type Pair,
  type PoolOptions,
} from "./ops/contract.js";
export { cast, detach, expand, reshape, type TensorLike } from "./ops/convert.js";
export {
  type Conv1dOptions,
  type ConvTranspose1dOptions,
  type ConvTransposeOptions,
  conv1d,
  convTranspose1d,
  convTranspose2d,
  type UnfoldOptions,
  unfold,
} from "./ops/convolution.js";
export { einsum } from "./ops/einsum.js";
export {
  abs,
  add,
  atan,
  cos,
  div,
  eq,
  erf,
  exp,
  floor,
  ge,
  gt,
  le,
  log,
  logicalAnd,
  logicalNot,
  logicalOr,
  lt,
  maximum,
  minimum,
  mul,
  ne,
  neg,
  recip,
  sigmoid,
  sign,
  sin,
  sqrt,
  sub,
  tanh,
  where,
} from "./ops/elementwise.js";
export { checkFinite, gather, type SortOptions, scatterAdd, sort, take } from "./ops/gather.js";
export {
  arange,
  eye,
  full,
  iota,
  linspace,
  type Nested,
  ones,
  rand,
  randint,
  randn,
  randomBits,
  type TensorData,
  type TensorOptions,
  tensor,
  zeros,
} from "./ops/generate.js";
export { type AffineGridOptions, affineGrid, type GridSampleOptions, gridSample } from "./ops/gridSample.js";
export { type InterpolateOptions, interpolate } from "./ops/imaging.js";
export {
  type EmbeddingOptions,
  embedding,
  indexSelect,
  maskedFill,
  type OneHotOptions,
  oneHot,
  takeAlongAxis,
} from "./ops/indexing.js";
export {
  chunk,
  type MeshgridOptions,
  meshgrid,
  repeat,
  repeatInterleave,
  roll,
  split,
  stack,
  unbind,
} from "./ops/joining.js";
export { type CdistOptions, type CosineSimilarityOptions, cdist, cosineSimilarity, linear } from "./ops/linear.js";
export {
  acos,
  acosh,
  asin,
  asinh,
  atan2,
  atanh,
  cosh,
  exp2,
  expm1,
  log1p,
  log2,
  log10,
  rsqrt,
  sinh,
  square,
  tan,
} from "./ops/math.js";
export { type DiagonalAxesOptions, type DiagonalOptions, diag, diagonal, tril, triu } from "./ops/matrix.js";
export { concat, flatten, flip, permute, type Range, slice, squeeze, transpose, unsqueeze } from "./ops/movement.js";
export {
  type AffineOptions,
  type BatchNormOptions,
  batchNorm,
  groupNorm,
  instanceNorm,
  layerNorm,
} from "./ops/normalization.js";
export { amin, argmin, argsort, max, median, min, type Picked, type TopKOptions, topK } from "./ops/ordering.js";
export { type PadMode, type PadOptions, pad } from "./ops/padding.js";
export { adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool1d, maxPool1d, type Pool1dOptions } from "./ops/pooling.js";
export { pow } from "./ops/power.js";
export { type Axes, amax, argmax, type ReduceOptions, sum } from "./ops/reduce.js";
export {
  type ClampOptions,
  ceil,
  clamp,
  floorDiv,
  isFinite,
  isInf,
  isNaN,
  lerp,
  type NanToNumOptions,
  nanToNum,
  remainder,
  round,
  trunc,
} from "./ops/rounding.js";
export {
  bernoulli,
  type DropoutOptions,
  dropout,
  type MultinomialOptions,
  multinomial,
  randperm,
} from "./ops/sampling.js";
export { cumprod, cumsum } from "./ops/scan.js";
export {
  all,
  any,
  countNonzero,
  logsumexp,
  mean,
  type NormOptions,
  norm,
  prod,
  std,
  type VarianceOptions,
  variance,
  varMean,
} from "./ops/statistics.js";
export { type KernelProfile, type KernelTime, profile } from "./profile.js";
// Random numbers.
export { Generator, hostGenerator, manualSeed, type RandomState, randomState, setRandomState } from "./random.js";
export { backend, explainPlan, planStatistics, realize, setFusion, use } from "./realize.js";
export type { Shape } from "./shape.js";
export { Tensor } from "./tensor.js";
export { upload } from "./upload.js";
