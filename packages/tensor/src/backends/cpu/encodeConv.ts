import type { ContractGroup, ConvParams, Operand } from "../../backend.js";
import { invariant } from "../../errors.js";
import { sizeOf } from "../../shape.js";
import { maxParts, maxSegments } from "./codes.js";
import {
  type AxisTaps,
  backwardAxis,
  evenPart,
  forwardAxis,
  imageWords,
  type Part,
  tapWords,
  weightOffsets,
} from "./convTaps.js";
import { flopsPerNanosecond, groupNanoseconds } from "./cost.js";
import { type Encoded, nothing, wholeLines } from "./encoded.js";
import { encodeMatmul, gemmThreadBytes, microColumns } from "./encodeMatmul.js";
import { encodeWinograd, encodeWinogradWeight } from "./encodeWinograd.js";
import { collapse } from "./space.js";

/** Output positions of a block, and floats of the image patch it reads, that fit the cache. */
const blockPositions = 448;
const largestPatchFloats = 80 << 10;
/** Channels of a unit of a weight gradient, and fewer where patches of several small images belong together. */
const unitChannels = 128;
const smallImageChannels = 64;
const smallImage = 64;
/** Floats of the patches of a block of a weight gradient. */
const largestPatchesFloats = 96 << 10;
/** Sums of all splits of a weight gradient take at most this many floats. */
const largestSumFloats = 4 << 20;

const extent = ({ offsets }: AxisTaps) => (offsets.length === 0 ? 0 : offsets.at(-1)! - offsets[0]! + 1);

/** Rows and columns of a block of positions, and the floats of the patch of `channels` it reads. */
function blockOf(parts: readonly Part[], channels: number): { rows: number; columns: number; patchFloats: number } {
  const most = (pick: (part: Part) => number) => parts.reduce((top, part) => Math.max(top, pick(part)), 1);
  const size = (rows: number, columns: number) =>
    most(
      (it) => ((rows - 1) * it.rows.step + extent(it.rows)) * ((columns - 1) * it.columns.step + extent(it.columns)),
    ) * channels;
  const allRows = most((it) => it.rows.count);
  const allColumns = most((it) => it.columns.count);
  let columns = evenPart(allColumns, 112, 14);
  while (columns > 14 && size(1, columns) > largestPatchFloats) columns = evenPart(allColumns, columns - 1, 14);
  let rows = Math.min(allRows, Math.max(1, Math.floor(blockPositions / columns)), maxSegments);
  while (rows > 1 && size(rows, columns) > largestPatchFloats) rows--;
  rows = evenPart(allRows, rows, 1);
  return { rows, columns, patchFloats: size(rows, columns) };
}

/** An image or 1x1 weights as a matrix of [pixels, channels], or undefined when pixels are not evenly spaced. */
function asMatrix({ slot, dtype, offset, shape, strides }: Operand): Operand | undefined {
  const [n, c, h, w] = shape as [number, number, number, number];
  const pixels = collapse([n, h, w], [strides[0]!, strides[2]!, strides[3]!]);
  if (pixels.sizes.length > 1) return undefined;
  return { slot, dtype, offset, shape: [n * h * w, c], strides: [pixels.strides[0]!, strides[1]!] };
}

const flipped = ({ shape, strides, ...rest }: Operand): Operand => ({
  ...rest,
  shape: [...shape].reverse(),
  strides: [...strides].reverse(),
});

function isPointwise({ stride, padding, groups }: ConvParams, weight: Operand): boolean {
  const one = weight.shape[2] === 1 && weight.shape[3] === 1;
  return one && groups === 1 && [...stride].every((s) => s === 1) && [...padding].every((s) => s === 0);
}

/** A 1x1 convolution is a matrix product; undefined when its images are not evenly spaced. */
function pointwise(group: ContractGroup, a: Operand, b: Operand, c: Operand): Encoded | undefined {
  const operands = [a, b, c].map(asMatrix);
  if (operands.includes(undefined)) return undefined;
  const [x, y, z] = operands as [Operand, Operand, Operand];
  const roles = { conv2d: [x, flipped(y), z], conv2dInput: [x, y, z], conv2dWeight: [flipped(y), x, z] };
  const [left, right, out] = roles[group.op as keyof typeof roles] as [Operand, Operand, Operand];
  return encodeMatmul({ ...group, op: "matmul", params: null, inputs: [left, right], outputs: [out] });
}

/** Encodes conv2d (source x, target y) and conv2dInput (source dy, target dx). */
export function encodeConv(group: ContractGroup<"conv2d"> | ContractGroup<"conv2dInput">): Encoded {
  const p = group.params;
  const isForward = group.op === "conv2d";
  const [source, weight] = group.inputs as [Operand, Operand];
  const target = group.outputs[0]!;
  if (sizeOf(target.shape) === 0) return nothing;
  if (isPointwise(p, weight)) {
    const product = pointwise(group, source, weight, target);
    if (product !== undefined) return product;
  }
  const [outputs, channels, kh, kw] = weight.shape as [number, number, number, number];
  const perGroup = outputs / p.groups;
  const [sourceChannels, targetChannels] = isForward ? [channels, perGroup] : [perGroup, channels];
  const [, , H, W] = source.shape as [number, number, number, number];
  const axis = isForward ? forwardAxis : backwardAxis;
  const [, , targetRows, targetColumns] = target.shape as [number, number, number, number];
  const columnTaps = axis(p, 1, kw, targetColumns);
  const parts = axis(p, 0, kh, targetRows).flatMap((rows) => columnTaps.map((columns) => ({ rows, columns })));
  const winograd = parts.length === 1 ? encodeWinograd(group, parts[0]!) : undefined;
  if (winograd !== undefined) return winograd;
  invariant(parts.length <= maxParts, `a convolution with strides ${p.stride} has too many parts`);

  const isDepthwise =
    channels === 1 && perGroup === 1 && p.groups > 1 && source.strides[1] === 1 && target.strides[1] === 1;
  const block = blockOf(parts, isDepthwise ? p.groups : sourceChannels);
  const segments = Math.max(...parts.map((it) => it.rows.offsets.length * it.columns.offsets.length));
  const widest = Math.max(...columnTaps.map((it) => it.count));
  const isThin = sourceChannels < 16 || widest >= 7;
  const readsInPlace = kh * kw === 1 && sourceChannels <= 512 && [...p.padding].every((pad) => pad === 0);
  const direct = segments <= maxSegments && (isThin || readsInPlace);

  const taps = kh * kw;
  const packedFloats = isDepthwise
    ? taps * Math.ceil(p.groups / 16) * 16
    : p.groups * taps * sourceChannels * Math.ceil(targetChannels / microColumns) * microColumns;
  const packedBytes = wholeLines(packedFloats * 4);
  const strides = weight.strides;
  const flops = 2 * sizeOf(isForward ? target.shape : source.shape) * channels * taps;
  const payload = [p.groups, source.shape[0]!, sourceChannels, targetChannels, H, W];
  payload.push(...imageWords(source), ...imageWords(target), weight.slot, weight.offset);
  payload.push(strides[isForward ? 1 : 0]!, strides[isForward ? 0 : 1]!, perGroup * strides[0]!);
  payload.push(Number(direct), block.rows, block.columns, block.patchFloats, packedBytes / 64, parts.length);
  for (const part of parts) {
    const { rows, columns } = part;
    const [, , rowStride, columnStride] = target.strides as [number, number, number, number];
    payload.push(...tapWords(part), rows.count, columns.count, rows.start * rowStride + columns.start * columnStride);
    payload.push(rows.targetStep * rowStride, columns.targetStep * columnStride, ...weightOffsets(part, strides));
  }
  return {
    kind: isDepthwise ? "DEPTHWISE" : "CONV",
    payload,
    workspaceBytes: packedBytes,
    threadBytes: direct || isDepthwise ? wholeLines(block.patchFloats * 4) : gemmThreadBytes,
    nanoseconds: groupNanoseconds + (flops / flopsPerNanosecond) * (isDepthwise ? 4 : 1),
  };
}

/** Encodes conv2dWeight. */
export function encodeConvWeight(group: ContractGroup<"conv2dWeight">): Encoded {
  const p = group.params;
  const [x, dy] = group.inputs as [Operand, Operand];
  const dw = group.outputs[0]!;
  if (sizeOf(dw.shape) === 0) return nothing;
  if (isPointwise(p, dw)) {
    const product = pointwise(group, x, dy, dw);
    if (product !== undefined) return product;
  }
  const [outputs, channels, kh, kw] = dw.shape as [number, number, number, number];
  const [batch, , H, W] = x.shape as [number, number, number, number];
  const [, , rows, columns] = dy.shape as [number, number, number, number];
  const perGroup = outputs / p.groups;
  const isDepthwise = channels === 1 && perGroup === 1 && p.groups > 1 && x.strides[1] === 1 && dy.strides[1] === 1;
  const part: Part = { rows: forwardAxis(p, 0, kh, rows)[0]!, columns: forwardAxis(p, 1, kw, columns)[0]! };
  const winograd = encodeWinogradWeight(group, part);
  if (winograd !== undefined) return winograd;
  const unitDepth = evenPart(channels, rows * columns < smallImage ? smallImageChannels : unitChannels, 1);
  const block = blockOf([part], isDepthwise ? p.groups : unitDepth);
  const images =
    isDepthwise || block.rows < rows || block.columns < columns
      ? 1
      : evenPart(
          batch,
          Math.max(
            1,
            Math.min(Math.floor(256 / (rows * columns)), Math.floor(largestPatchesFloats / block.patchFloats)),
          ),
          1,
        );

  const channelUnits = p.groups * Math.ceil(channels / unitDepth);
  const widest = channelUnits * Math.ceil(perGroup / 128) >= 16 ? 128 : 64;
  const unitColumns = perGroup <= 96 ? perGroup : widest;
  const units = isDepthwise ? 1 : channelUnits * Math.ceil(perGroup / unitColumns);
  // Lanes are outputs or, by outputs, the channels of neighbouring taps: what wastes fewer of them.
  const joined = p.dilation[1] === 1 ? kw : 1;
  const lanes = (count: number) => Math.ceil(count / 16) * 16;
  const byOutputs =
    unitDepth === channels && lanes(joined * channels) * perGroup < 0.9 * joined * channels * lanes(perGroup);
  const blocks = Math.ceil(batch / images) * Math.ceil(rows / block.rows) * Math.ceil(columns / block.columns);
  const flops = 2 * sizeOf(dy.shape) * channels * kh * kw;
  const sums = sizeOf(dw.shape);
  const wanted = Math.min(Math.ceil(16 / units), Math.floor(flops / 4e6), blocks, Math.floor(largestSumFloats / sums));
  const perSplit = Math.ceil(blocks / Math.max(1, wanted));
  const splits = Math.max(1, Math.ceil(blocks / Math.max(1, perSplit)));

  const payload = [p.groups, batch, channels, perGroup, H, W, ...imageWords(x), ...imageWords(dy), rows, columns];
  payload.push(...tapWords(part), dw.slot, dw.offset, dw.strides[0]!, dw.strides[1]!, perGroup * dw.strides[0]!);
  payload.push(splits, images, block.rows, block.columns, unitDepth, unitColumns, Number(byOutputs), block.patchFloats);
  payload.push(...weightOffsets(part, dw.strides));
  const packed = images * block.rows * block.columns * microColumns;
  return {
    kind: isDepthwise ? "DEPTHWISE_WEIGHT" : "CONV_WEIGHT",
    payload,
    workspaceBytes: wholeLines(sums * 4) * splits,
    threadBytes: wholeLines((block.patchFloats * images + packed) * 4),
    nanoseconds: groupNanoseconds + (flops / flopsPerNanosecond) * (isDepthwise ? 4 : 1),
  };
}
