import * as ops from "../../src/index.js";
import type { Tensor } from "../../src/tensor.js";

type Result = Tensor | Tensor[];

/** Builds the outputs of one operation from a golden case: `x` are its inputs, `o` its options as golden/composites.py names them. */
export type Row = (x: Tensor[], o: never) => Result;

type Axes = { axes?: number | number[]; keepDims?: boolean };
type Axis = { axis: number; keepDims?: boolean };
type Offset = ops.DiagonalOptions;
type Normalized = { epsilon?: number; affine?: boolean };

const picked = ({ values, indices }: ops.Picked): Tensor[] => [values, indices];

/** Weight and bias from inputs `from` on, where the case has them. */
function affine(x: Tensor[], from: number, { epsilon, affine }: Normalized): ops.AffineOptions {
  return { ...(affine ? { weight: x[from], bias: x[from + 1] } : {}), ...(epsilon ? { epsilon } : {}) };
}

/** One row for each composite operation, by name. */
export const rows: Record<string, Row> = {
  tan: ([x]) => ops.tan(x),
  asin: ([x]) => ops.asin(x),
  acos: ([x]) => ops.acos(x),
  atan2: ([y, x]) => ops.atan2(y, x),
  sinh: ([x]) => ops.sinh(x),
  cosh: ([x]) => ops.cosh(x),
  asinh: ([x]) => ops.asinh(x),
  acosh: ([x]) => ops.acosh(x),
  atanh: ([x]) => ops.atanh(x),
  log2: ([x]) => ops.log2(x),
  log10: ([x]) => ops.log10(x),
  log1p: ([x]) => ops.log1p(x),
  expm1: ([x]) => ops.expm1(x),
  exp2: ([x]) => ops.exp2(x),
  rsqrt: ([x]) => ops.rsqrt(x),
  square: ([x]) => ops.square(x),
  pow: ([x, p], { exponent }: { exponent?: number }) => ops.pow(x, exponent ?? p),

  clamp: ([x, min, max], o: { tensors?: boolean; min?: number; max?: number }) =>
    ops.clamp(x, o.tensors ? { min, max } : o),
  lerp: ([a, b, w], { weight }: { weight?: number }) => ops.lerp(a, b, weight ?? w),
  ceil: ([x]) => ops.ceil(x),
  round: ([x]) => ops.round(x),
  trunc: ([x]) => ops.trunc(x),
  floorDiv: ([a, b]) => ops.floorDiv(a, b),
  remainder: ([a, b], { divisor }: { divisor?: number }) => ops.remainder(a, divisor ?? b),
  isNaN: ([x]) => ops.isNaN(x),
  isFinite: ([x]) => ops.isFinite(x),
  isInf: ([x]) => ops.isInf(x),
  nanToNum: ([x], o: ops.NanToNumOptions) => ops.nanToNum(x, o),

  mean: ([x], { axes, ...o }: Axes) => ops.mean(x, axes, o),
  variance: ([x], { axes, ...o }: Axes & ops.VarianceOptions) => ops.variance(x, axes, o),
  std: ([x], { axes, ...o }: Axes & ops.VarianceOptions) => ops.std(x, axes, o),
  varMean: ([x], { axes, ...o }: Axes & ops.VarianceOptions) => {
    const { variance, mean } = ops.varMean(x, axes, o);
    return [variance, mean];
  },
  norm: ([x], { axes, ...o }: Axes & ops.NormOptions) => ops.norm(x, axes, o),
  logsumexp: ([x], { axes, ...o }: Axes) => ops.logsumexp(x, axes, o),
  prod: ([x], { axes, ...o }: Axes) => ops.prod(x, axes, o),
  any: ([x], { axes, ...o }: Axes) => ops.any(x, axes, o),
  all: ([x], { axes, ...o }: Axes) => ops.all(x, axes, o),
  countNonzero: ([x], { axes, ...o }: Axes) => ops.countNonzero(x, axes, o),

  max: ([x], { axis, ...o }: Axis) => picked(ops.max(x, axis, o)),
  min: ([x], { axis, ...o }: Axis) => picked(ops.min(x, axis, o)),
  amin: ([x], { axes, ...o }: Axes) => ops.amin(x, axes, o),
  argmin: ([x], { axis, ...o }: Partial<Axis>) => ops.argmin(x, axis, o),
  argsort: ([x], { axis, ...o }: Partial<Axis> & ops.SortOptions) => ops.argsort(x, axis, o),
  topK: ([x], { k, ...o }: ops.TopKOptions & { k: number }) => picked(ops.topK(x, k, o)),
  median: ([x], { axis, ...o }: Axis) => picked(ops.median(x, axis, o)),
  cumsum: ([x], { axis }: Axis) => ops.cumsum(x, axis),
  cumprod: ([x], { axis }: Axis) => ops.cumprod(x, axis),

  relu: ([x]) => ops.relu(x),
  relu6: ([x]) => ops.relu6(x),
  leakyRelu: ([x], { slope }: { slope?: number }) => ops.leakyRelu(x, slope),
  prelu: ([x, w]) => ops.prelu(x, w),
  hardtanh: ([x], o: ops.HardtanhOptions) => ops.hardtanh(x, o),
  hardsigmoid: ([x]) => ops.hardsigmoid(x),
  hardswish: ([x]) => ops.hardswish(x),
  elu: ([x], { alpha }: { alpha?: number }) => ops.elu(x, alpha),
  celu: ([x], { alpha }: { alpha?: number }) => ops.celu(x, alpha),
  selu: ([x]) => ops.selu(x),
  gelu: ([x], o: ops.GeluOptions) => ops.gelu(x, o),
  silu: ([x]) => ops.silu(x),
  mish: ([x]) => ops.mish(x),
  softplus: ([x], o: ops.SoftplusOptions) => ops.softplus(x, o),
  softsign: ([x]) => ops.softsign(x),
  logSigmoid: ([x]) => ops.logSigmoid(x),
  glu: ([x], { axis }: Partial<Axis>) => ops.glu(x, axis),
  softmax: ([x], { axis }: Partial<Axis>) => ops.softmax(x, axis),
  logSoftmax: ([x], { axis }: Partial<Axis>) => ops.logSoftmax(x, axis),

  stack: (x, { axis }: Partial<Axis>) => ops.stack(x, axis),
  split: ([x], { size, axis }: { size: number | number[]; axis?: number }) => ops.split(x, size, axis),
  chunk: ([x], { count, axis }: { count: number; axis?: number }) => ops.chunk(x, count, axis),
  unbind: ([x], { axis }: Partial<Axis>) => ops.unbind(x, axis),
  repeat: ([x], { counts }: { counts: number[] }) => ops.repeat(x, counts),
  repeatInterleave: ([x], { count, axis }: { count: number | number[]; axis: number }) =>
    ops.repeatInterleave(x, count, axis),
  roll: ([x], { shifts, axes }: { shifts: number | number[]; axes?: number | number[] }) => ops.roll(x, shifts, axes),
  meshgrid: (x, o: ops.MeshgridOptions) => ops.meshgrid(x, o),

  tril: ([x], o: Offset) => ops.tril(x, o),
  triu: ([x], o: Offset) => ops.triu(x, o),
  diag: ([x], o: Offset) => ops.diag(x, o),
  diagonal: ([x], o: ops.DiagonalAxesOptions) => ops.diagonal(x, o),

  oneHot: ([x], { classes, ...o }: ops.OneHotOptions & { classes: number }) => ops.oneHot(x, classes, o),
  indexSelect: ([x, index], { axis }: Axis) => ops.indexSelect(x, axis, index),
  maskedFill: ([x, mask], { value }: { value: number }) => ops.maskedFill(x, mask, value),
  takeAlongAxis: ([x, index], { axis }: Axis) => ops.takeAlongAxis(x, index, axis),
  embedding: ([index, weight], o: ops.EmbeddingOptions) => ops.embedding(index, weight, o),

  pad: ([x], { padding, ...o }: ops.PadOptions & { padding: number[] }) => ops.pad(x, padding, o),
  conv1d: ([x, w], o: ops.Conv1dOptions) => ops.conv1d(x, w, o),
  convTranspose1d: ([x, w], o: ops.ConvTranspose1dOptions) => ops.convTranspose1d(x, w, o),
  convTranspose2d: ([x, w], o: ops.ConvTransposeOptions) => ops.convTranspose2d(x, w, o),
  unfold: ([x], { kernel, ...o }: ops.UnfoldOptions & { kernel: ops.Pair }) => ops.unfold(x, kernel, o),
  maxPool1d: ([x], { kernel, ...o }: ops.Pool1dOptions & { kernel: number }) => ops.maxPool1d(x, kernel, o),
  avgPool1d: ([x], { kernel, ...o }: ops.Pool1dOptions & { kernel: number }) => ops.avgPool1d(x, kernel, o),
  adaptiveAvgPool2d: ([x], { size }: { size: ops.Pair }) => ops.adaptiveAvgPool2d(x, size),
  adaptiveMaxPool2d: ([x], { size }: { size: ops.Pair }) => ops.adaptiveMaxPool2d(x, size),

  interpolate: ([x], o: ops.InterpolateOptions) => ops.interpolate(x, o),
  gridSample: ([x, grid], o: ops.GridSampleOptions) => ops.gridSample(x, grid, o),
  affineGrid: ([theta], { shape, ...o }: ops.AffineGridOptions & { shape: number[] }) =>
    ops.affineGrid(theta, shape, o),

  batchNorm: (x, o: Normalized) => ops.batchNorm(x[0]!, { mean: x[1]!, variance: x[2]!, ...affine(x, 3, o) }),
  layerNorm: (x, { shape, ...o }: Normalized & { shape: number | number[] }) =>
    ops.layerNorm(x[0]!, shape, affine(x, 1, o)),
  groupNorm: (x, { groups, ...o }: Normalized & { groups: number }) => ops.groupNorm(x[0]!, groups, affine(x, 1, o)),
  instanceNorm: (x, o: Normalized) => ops.instanceNorm(x[0]!, affine(x, 1, o)),

  linear: ([x, w, b]) => ops.linear(x, w, b),
  cosineSimilarity: ([a, b], o: ops.CosineSimilarityOptions) => ops.cosineSimilarity(a, b, o),
  cdist: ([a, b], o: ops.CdistOptions) => ops.cdist(a, b, o),
  einsum: (x, { equation }: { equation: string }) => ops.einsum(equation, x),
  dropout: ([x], { p, ...o }: ops.DropoutOptions & { p: number }) => ops.dropout(x, p, o),
};
