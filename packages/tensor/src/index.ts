// Tensors and what makes and computes them. Layers are in @fai/tensor/nn, weights files in @fai/tensor/io.
export { Tensor } from "./tensor.js";
export { leaf } from "./node.js";
export { byteSize, type DType, type HostArray, type HostArrayOf, type StorageDType } from "./dtype.js";
export type { Shape } from "./shape.js";
export { TensorError } from "./errors.js";
export { OutOfMemoryError } from "./memory.js";

// Cells: what changes from step to step.
export { Cell, discard, Parameter, State } from "./cell.js";
export { type GradientOptions, gradients } from "./gradients.js";
export { type GradCheckElement, type GradCheckOptions, type GradCheckReport, gradCheck } from "./gradCheck.js";

// Devices.
export type { Backend, DeviceMemory } from "./backend.js";
export { type CpuOptions, type OpenCpuOptions, openCpu, openCpuSync, openWasm } from "#cpu";
export { backend, explainPlan, planStatistics, realize, setFusion, use } from "./realize.js";

// Random numbers.
export { Generator, hostGenerator, manualSeed, type RandomState, randomState, setRandomState } from "./random.js";

// The functional form of every operation, by the file it is written in.
export {
  type HardtanhOptions, type GeluOptions, type SoftplusOptions,
  celu, elu, gelu, glu, hardsigmoid, hardswish, hardtanh, leakyRelu, logSigmoid, logSoftmax, mish, prelu, relu, relu6,
  selu, silu, softmax, softplus, softsign,
} from "./ops/activation.js";
export {
  type ConvOptions, type Pair, type PoolOptions,
  avgPool2d, conv2d, matmul, maxPool2d,
} from "./ops/contract.js";
export { type TensorLike, cast, detach, expand, reshape } from "./ops/convert.js";
export {
  type Conv1dOptions, type ConvTranspose1dOptions, type ConvTransposeOptions, type UnfoldOptions,
  conv1d, convTranspose1d, convTranspose2d, unfold,
} from "./ops/convolution.js";
export { einsum } from "./ops/einsum.js";
export {
  abs, add, atan, cos, div, eq, erf, exp, floor, ge, gt, le, log, logicalAnd, logicalNot, logicalOr, lt, maximum, minimum,
  mul, ne, neg, recip, sigmoid, sign, sin, sqrt, sub, tanh, where,
} from "./ops/elementwise.js";
export { type SortOptions, checkFinite, gather, scatterAdd, sort, take } from "./ops/gather.js";
export {
  type Nested, type TensorData, type TensorOptions,
  arange, eye, full, iota, linspace, ones, rand, randint, randn, randomBits, tensor, zeros,
} from "./ops/generate.js";
export { type AffineGridOptions, type GridSampleOptions, affineGrid, gridSample } from "./ops/gridSample.js";
export { type InterpolateOptions, interpolate } from "./ops/imaging.js";
export {
  type EmbeddingOptions, type OneHotOptions,
  embedding, indexSelect, maskedFill, oneHot, takeAlongAxis,
} from "./ops/indexing.js";
export {
  type MeshgridOptions,
  chunk, meshgrid, repeat, repeatInterleave, roll, split, stack, unbind,
} from "./ops/joining.js";
export { type CdistOptions, type CosineSimilarityOptions, cdist, cosineSimilarity, linear } from "./ops/linear.js";
export {
  acos, acosh, asin, asinh, atan2, atanh, cosh, exp2, expm1, log10, log1p, log2, rsqrt, sinh, square, tan,
} from "./ops/math.js";
export { type DiagonalAxesOptions, type DiagonalOptions, diag, diagonal, tril, triu } from "./ops/matrix.js";
export { type Range, concat, flatten, flip, permute, slice, squeeze, transpose, unsqueeze } from "./ops/movement.js";
export {
  type AffineOptions, type BatchNormOptions,
  batchNorm, groupNorm, instanceNorm, layerNorm,
} from "./ops/normalization.js";
export { type Picked, type TopKOptions, amin, argmin, argsort, max, median, min, topK } from "./ops/ordering.js";
export { type PadMode, type PadOptions, pad } from "./ops/padding.js";
export { type Pool1dOptions, adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool1d, maxPool1d } from "./ops/pooling.js";
export { pow } from "./ops/power.js";
export { type Axes, type ReduceOptions, amax, argmax, sum } from "./ops/reduce.js";
export {
  type ClampOptions, type NanToNumOptions,
  ceil, clamp, floorDiv, isFinite, isInf, isNaN, lerp, nanToNum, remainder, round, trunc,
} from "./ops/rounding.js";
export { type DropoutOptions, type MultinomialOptions, bernoulli, dropout, multinomial, randperm } from "./ops/sampling.js";
export { cumprod, cumsum } from "./ops/scan.js";
export {
  type NormOptions, type VarianceOptions,
  all, any, countNonzero, logsumexp, mean, norm, prod, std, varMean, variance,
} from "./ops/statistics.js";
