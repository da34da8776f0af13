import { byteSize, type DType, type HostArray, type HostArrayOf } from "./dtype.js";
import { TensorError } from "./errors.js";
import { formatTensor } from "./format.js";
import { hostNumbers } from "./half.js";
import { make, type Node, setTensorConstructor, specOf, type Value } from "./node.js";
import * as activation from "./ops/activation.js";
import * as contract from "./ops/contract.js";
import { cast, detach, expand, reshape, type TensorLike } from "./ops/convert.js";
import * as elementwise from "./ops/elementwise.js";
import * as gathering from "./ops/gather.js";
import * as indexing from "./ops/indexing.js";
import * as joining from "./ops/joining.js";
import * as math from "./ops/math.js";
import * as matrix from "./ops/matrix.js";
import * as movement from "./ops/movement.js";
import * as ordering from "./ops/ordering.js";
import { pow } from "./ops/power.js";
import { type Axes, amax, argmax, type ReduceOptions, sum } from "./ops/reduce.js";
import * as rounding from "./ops/rounding.js";
import * as sampling from "./ops/sampling.js";
import * as scan from "./ops/scan.js";
import * as statistics from "./ops/statistics.js";
import { readHost, realize } from "./realize.js";
import { formatShape, type Shape, sizeOf } from "./shape.js";

// biome-ignore format: methods are one line each
/**
 * A lazy n-dimensional array: a handle on one output of a graph node. Methods build nodes; nothing is computed until
 * `data()`, `item()` or `realize()`. Tensors never change and need no disposal.
 */
export class Tensor implements Value {
  readonly node: Node;
  readonly index: number;

  /** Made by operations and `tensor()`, not by users. */
  constructor(node: Node, index: number) {
    this.node = node;
    this.index = index;
  }

  /** Sizes of the axes, outermost first. */
  get shape(): Shape {
    return specOf(this).shape;
  }
  /** Type of the elements. */
  get dtype(): DType {
    return specOf(this).dtype;
  }
  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }
  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }
  /** Bytes its elements take. */
  get byteLength(): number {
    return this.size * byteSize[this.dtype];
  }

  /** Computes the tensor (and commits queued cells) and copies it to the host, row-major. The host copy is what later reads return. */
  async data<D extends DType = "f32">(): Promise<HostArrayOf[D]> {
    const host = await readHost(this);
    const numbers = hostNumbers(host, this.dtype);
    return (numbers === host ? numbers.slice() : numbers) as HostArrayOf[D];
  }
  /** The one element of a tensor with one element, as a number (booleans as 0 or 1). */
  async item(): Promise<number> {
    if (this.size !== 1) throw new TensorError("item", `${formatShape(this.shape)} has ${this.size} elements, item() reads one. Use data()?`);
    return hostNumbers(await readHost(this), this.dtype)[0]!;
  }
  /** The elements as nested lists. */
  async toArray(): Promise<unknown> {
    return nested(hostNumbers(await readHost(this), this.dtype), this.shape, this.dtype === "bool");
  }
  /** Starts computing the tensor and keeps it on the device; returns at once. `await realize(t)` waits. */
  realize(): this {
    this.keep();
    realize(this).catch(() => {}); // the fault is reported by whoever reads the result
    return this;
  }
  /** Stores this tensor on the device with the next realize that computes it. */
  keep(): this {
    this.node.kept = true;
    return this;
  }
  /** A copy that is computed at once: it outlives the next step, which overwrites a parameter's own memory. */
  clone(): Tensor {
    return make("reshape", [this], null, this.shape, this.dtype).realize();
  }
  /** The elements as text, as PyTorch prints them. */
  async format(): Promise<string> {
    return formatTensor(hostNumbers(await readHost(this), this.dtype), this.shape, this.dtype);
  }
  /** What is known without computing: shape and dtype, and the elements when they are on the host. */
  toString(): string {
    const host = this.node.host[this.index];
    if (host) return formatTensor(hostNumbers(host, this.dtype), this.shape, this.dtype);
    const state = this.node.device[this.index] ? "on the device" : "not computed";
    return `tensor(${formatShape(this.shape)}, ${this.dtype}, ${state}; await its data() or format())`;
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
  /** Refuses implicit conversion to a number, which cannot wait for the device. */
  valueOf(): never {
    throw new TensorError("valueOf", "a tensor is no number: use await t.item(), and t.add(u) instead of t + u.");
  }

  cast(dtype: DType): Tensor { return cast(this, dtype); }
  detach(): Tensor { return detach(this); }
  reshape(...shape: number[] | [Shape]): Tensor { return reshape(this, sizes(shape)); }
  expand(...shape: number[] | [Shape]): Tensor { return expand(this, sizes(shape)); }
  permute(...order: number[] | [readonly number[]]): Tensor { return movement.permute(this, sizes(order)); }
  transpose(a = -2, b = -1): Tensor { return movement.transpose(this, a, b); }
  squeeze(axes?: number | readonly number[]): Tensor { return movement.squeeze(this, axes); }
  unsqueeze(axis: number): Tensor { return movement.unsqueeze(this, axis); }
  flatten(start = 0, end = -1): Tensor { return movement.flatten(this, start, end); }
  slice(...ranges: movement.Range[]): Tensor { return movement.slice(this, ...ranges); }
  flip(axes?: number | readonly number[]): Tensor { return movement.flip(this, axes); }

  neg(): Tensor { return elementwise.neg(this); }
  abs(): Tensor { return elementwise.abs(this); }
  sign(): Tensor { return elementwise.sign(this); }
  recip(): Tensor { return elementwise.recip(this); }
  exp(): Tensor { return elementwise.exp(this); }
  log(): Tensor { return elementwise.log(this); }
  sin(): Tensor { return elementwise.sin(this); }
  cos(): Tensor { return elementwise.cos(this); }
  sqrt(): Tensor { return elementwise.sqrt(this); }
  tanh(): Tensor { return elementwise.tanh(this); }
  sigmoid(): Tensor { return elementwise.sigmoid(this); }
  erf(): Tensor { return elementwise.erf(this); }
  atan(): Tensor { return elementwise.atan(this); }
  floor(): Tensor { return elementwise.floor(this); }
  add(other: TensorLike): Tensor { return elementwise.add(this, other); }
  sub(other: TensorLike): Tensor { return elementwise.sub(this, other); }
  mul(other: TensorLike): Tensor { return elementwise.mul(this, other); }
  div(other: TensorLike): Tensor { return elementwise.div(this, other); }
  maximum(other: TensorLike): Tensor { return elementwise.maximum(this, other); }
  minimum(other: TensorLike): Tensor { return elementwise.minimum(this, other); }
  lt(other: TensorLike): Tensor { return elementwise.lt(this, other); }
  le(other: TensorLike): Tensor { return elementwise.le(this, other); }
  gt(other: TensorLike): Tensor { return elementwise.gt(this, other); }
  ge(other: TensorLike): Tensor { return elementwise.ge(this, other); }
  eq(other: TensorLike): Tensor { return elementwise.eq(this, other); }
  ne(other: TensorLike): Tensor { return elementwise.ne(this, other); }

  sum(axes?: Axes, options?: ReduceOptions): Tensor { return sum(this, axes, options); }
  amax(axes?: Axes, options?: ReduceOptions): Tensor { return amax(this, axes, options); }
  argmax(axis?: number, options?: ReduceOptions): Tensor { return argmax(this, axis, options); }
  matmul(other: TensorLike): Tensor { return contract.matmul(this, other); }
  gather(axis: number, index: TensorLike): Tensor { return gathering.gather(this, axis, index); }
  take(index: TensorLike, axis = 0): Tensor { return gathering.take(this, index, axis); }
  sort(axis = -1, options?: gathering.SortOptions): { values: Tensor; indices: Tensor } { return gathering.sort(this, axis, options); }

  tan(): Tensor { return math.tan(this); }
  asin(): Tensor { return math.asin(this); }
  acos(): Tensor { return math.acos(this); }
  sinh(): Tensor { return math.sinh(this); }
  cosh(): Tensor { return math.cosh(this); }
  asinh(): Tensor { return math.asinh(this); }
  acosh(): Tensor { return math.acosh(this); }
  atanh(): Tensor { return math.atanh(this); }
  log2(): Tensor { return math.log2(this); }
  log10(): Tensor { return math.log10(this); }
  log1p(): Tensor { return math.log1p(this); }
  expm1(): Tensor { return math.expm1(this); }
  exp2(): Tensor { return math.exp2(this); }
  rsqrt(): Tensor { return math.rsqrt(this); }
  square(): Tensor { return math.square(this); }
  atan2(x: TensorLike): Tensor { return math.atan2(this, x); }
  pow(exponent: TensorLike): Tensor { return pow(this, exponent); }
  clamp(options: rounding.ClampOptions): Tensor { return rounding.clamp(this, options); }
  lerp(end: TensorLike, weight: TensorLike): Tensor { return rounding.lerp(this, end, weight); }
  ceil(): Tensor { return rounding.ceil(this); }
  round(): Tensor { return rounding.round(this); }
  trunc(): Tensor { return rounding.trunc(this); }
  isNaN(): Tensor { return rounding.isNaN(this); }
  isInf(): Tensor { return rounding.isInf(this); }
  isFinite(): Tensor { return rounding.isFinite(this); }
  nanToNum(options?: rounding.NanToNumOptions): Tensor { return rounding.nanToNum(this, options); }
  floorDiv(other: TensorLike): Tensor { return rounding.floorDiv(this, other); }
  remainder(other: TensorLike): Tensor { return rounding.remainder(this, other); }
  logicalAnd(other: TensorLike): Tensor { return elementwise.logicalAnd(this, other); }
  logicalOr(other: TensorLike): Tensor { return elementwise.logicalOr(this, other); }
  logicalNot(): Tensor { return elementwise.logicalNot(this); }
  where(condition: TensorLike, other: TensorLike): Tensor { return elementwise.where(condition, this, other); }

  mean(axes?: Axes, options?: ReduceOptions): Tensor { return statistics.mean(this, axes, options); }
  logsumexp(axes?: Axes, options?: ReduceOptions): Tensor { return statistics.logsumexp(this, axes, options); }
  prod(axes?: Axes, options?: ReduceOptions): Tensor { return statistics.prod(this, axes, options); }
  all(axes?: Axes, options?: ReduceOptions): Tensor { return statistics.all(this, axes, options); }
  any(axes?: Axes, options?: ReduceOptions): Tensor { return statistics.any(this, axes, options); }
  countNonzero(axes?: Axes, options?: ReduceOptions): Tensor { return statistics.countNonzero(this, axes, options); }
  variance(axes?: Axes, options?: statistics.VarianceOptions): Tensor { return statistics.variance(this, axes, options); }
  std(axes?: Axes, options?: statistics.VarianceOptions): Tensor { return statistics.std(this, axes, options); }
  norm(axes?: Axes, options?: statistics.NormOptions): Tensor { return statistics.norm(this, axes, options); }
  amin(axes?: Axes, options?: ReduceOptions): Tensor { return ordering.amin(this, axes, options); }
  argmin(axis?: number, options?: ReduceOptions): Tensor { return ordering.argmin(this, axis, options); }
  max(axis: number, options?: ReduceOptions): ordering.Picked { return ordering.max(this, axis, options); }
  min(axis: number, options?: ReduceOptions): ordering.Picked { return ordering.min(this, axis, options); }
  median(axis?: number, options?: ReduceOptions): ordering.Picked { return ordering.median(this, axis, options); }
  topK(k: number, options?: ordering.TopKOptions): ordering.Picked { return ordering.topK(this, k, options); }
  argsort(axis?: number, options?: gathering.SortOptions): Tensor { return ordering.argsort(this, axis, options); }
  cumsum(axis: number): Tensor { return scan.cumsum(this, axis); }
  cumprod(axis: number): Tensor { return scan.cumprod(this, axis); }

  relu(): Tensor { return activation.relu(this); }
  softmax(axis?: number): Tensor { return activation.softmax(this, axis); }
  logSoftmax(axis?: number): Tensor { return activation.logSoftmax(this, axis); }

  split(size: number | readonly number[], axis?: number): Tensor[] { return joining.split(this, size, axis); }
  chunk(count: number, axis?: number): Tensor[] { return joining.chunk(this, count, axis); }
  unbind(axis?: number): Tensor[] { return joining.unbind(this, axis); }
  repeat(...counts: number[] | [readonly number[]]): Tensor { return joining.repeat(this, sizes(counts)); }
  repeatInterleave(count: number | readonly number[], axis: number): Tensor { return joining.repeatInterleave(this, count, axis); }
  roll(shifts: number | readonly number[], axes?: number | readonly number[]): Tensor { return joining.roll(this, shifts, axes); }
  tril(options?: matrix.DiagonalOptions): Tensor { return matrix.tril(this, options); }
  triu(options?: matrix.DiagonalOptions): Tensor { return matrix.triu(this, options); }
  diag(options?: matrix.DiagonalOptions): Tensor { return matrix.diag(this, options); }
  diagonal(options?: matrix.DiagonalAxesOptions): Tensor { return matrix.diagonal(this, options); }
  indexSelect(axis: number, index: TensorLike): Tensor { return indexing.indexSelect(this, axis, index); }
  maskedFill(mask: TensorLike, value: TensorLike): Tensor { return indexing.maskedFill(this, mask, value); }
  takeAlongAxis(index: TensorLike, axis: number): Tensor { return indexing.takeAlongAxis(this, index, axis); }
  bernoulli(): Tensor { return sampling.bernoulli(this); }
  multinomial(count: number, options?: sampling.MultinomialOptions): Tensor { return sampling.multinomial(this, count, options); }
}

setTensorConstructor((node, index) => new Tensor(node, index));

function sizes(list: number[] | [readonly number[]]): readonly number[] {
  return Array.isArray(list[0]) ? list[0] : (list as number[]);
}

function nested(data: HostArray, shape: Shape, isBool: boolean, at = { index: 0 }): unknown {
  if (shape.length === 0) {
    const value = data[at.index++]!;
    return isBool ? value !== 0 : value;
  }
  return Array.from({ length: shape[0]! }, () => nested(data, shape.slice(1), isBool, at));
}
