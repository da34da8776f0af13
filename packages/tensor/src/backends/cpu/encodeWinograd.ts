import type { ContractGroup, Operand } from "../../backend.js";
import { evenPart, imageWords, type Part, weightOffsets } from "./convTaps.js";
import { flopsPerNanosecond, groupNanoseconds } from "./cost.js";
import { type Encoded, wholeLines } from "./encoded.js";
import { microColumns } from "./encodeMatmul.js";

/*
 * Convolutions with 3x3 taps and stride 1 by Winograd's algorithm (kernels/winograd.h): 16 products where direct convolution
 * has 36, and transforms of weights, tiles and results. It pays with enough channels to multiply, and enough tiles for the
 * weights' transform.
 */

const fewestChannels = 24;
const fewestTiles = 32;
/** Floats of the transformed tiles of a block, which share the second-level cache with a panel of weights. */
const blockFloats = 120 << 10;
/** Floats of all transformed tiles, when they are transformed before any product. */
const sharedFloats = 2 << 20;
/** Rows that every micro-kernel's height divides or nearly so. */
const rowUnit = 14;
const places = 16;
/** Sums of all splits of a weight gradient take at most this many floats. */
const largestSumFloats = 4 << 20;

/** Floats from one tile's channels to the next one's, at most (tilePitch of winograd.h). */
const tilePitch = (channels: number) => Math.ceil(channels / microColumns) * microColumns + 16;

const touch = (offsets: readonly number[]) => offsets.length === 3 && offsets[2]! - offsets[0]! === 2;
const inRows = ({ shape, strides }: Operand) => shape[1] === 1 || strides[1] === 1;

function fits({ rows, columns }: Part, groups: number, images: readonly Operand[], tiles: number): boolean {
  const dense = rows.step === 1 && columns.step === 1 && touch(rows.offsets) && touch(columns.offsets);
  const deep = images.every((image) => image.shape[1]! >= fewestChannels && inRows(image));
  return dense && deep && groups === 1 && tiles >= fewestTiles;
}

const tileCount = ({ shape: [n, , h, w] }: Operand) => n! * Math.ceil(h! / 2) * Math.ceil(w! / 2);

/** Encodes conv2d and conv2dInput, or gives undefined where Winograd's algorithm does not apply or would not pay. */
export function encodeWinograd(
  { op, params, inputs, outputs }: ContractGroup<"conv2d"> | ContractGroup<"conv2dInput">,
  part: Part,
): Encoded | undefined {
  const [source, weight] = inputs as [Operand, Operand];
  const target = outputs[0]!;
  const tiles = tileCount(target);
  if (!fits(part, params.groups, [source, target], tiles)) return undefined;
  const [batch, sourceChannels, H, W] = source.shape as [number, number, number, number];
  const [, targetChannels, rows, columns] = target.shape as [number, number, number, number];
  const pitch = tilePitch(sourceChannels);
  const panels = Math.ceil(targetChannels / microColumns);
  const largest = Math.max(rowUnit, Math.floor(blockFloats / places / pitch / rowUnit) * rowUnit);
  const shared = Math.ceil(tiles / largest) < 16 && places * tiles * pitch <= sharedFloats;
  const block = evenPart(tiles, shared ? 5 * rowUnit : Math.min(largest, 8 * rowUnit), rowUnit);
  const unitColumns = shared ? 2 * microColumns : panels * microColumns;
  const packedBytes = places * sourceChannels * panels * microColumns * 4;
  const [across, along] = op === "conv2d" ? [1, 0] : [0, 1];
  const payload = [batch, sourceChannels, targetChannels, H, W, ...imageWords(source), ...imageWords(target)];
  payload.push(rows, columns, part.rows.offsets[0]!, part.columns.offsets[0]!, weight.slot, weight.offset);
  payload.push(weight.strides[across]!, weight.strides[along]!, block, unitColumns, Number(shared), packedBytes / 64);
  payload.push(...weightOffsets(part, weight.strides));
  const tileBytes = places * wholeLines((shared ? tiles : block) * pitch * 4);
  const flops = 2 * places * tiles * sourceChannels * targetChannels;
  return {
    kind: "WINOGRAD",
    payload,
    workspaceBytes: packedBytes + (shared ? tileBytes : 0),
    threadBytes: (shared ? 0 : tileBytes) + places * block * microColumns * 4,
    nanoseconds: groupNanoseconds + (1.3 * flops) / flopsPerNanosecond,
  };
}

/** Encodes conv2dWeight, or gives undefined where Winograd's algorithm does not apply or would not pay. */
export function encodeWinogradWeight(
  { params, inputs, outputs }: ContractGroup<"conv2dWeight">,
  part: Part,
): Encoded | undefined {
  const [x, dy] = inputs as [Operand, Operand];
  const dw = outputs[0]!;
  const tiles = tileCount(dy);
  if (!fits(part, params.groups, [x, dy], tiles)) return undefined;
  const [batch, channels, H, W] = x.shape as [number, number, number, number];
  const [, perImage, rows, columns] = dy.shape as [number, number, number, number];
  const sums = places * channels * perImage;
  const tileFloats = places * tiles * (tilePitch(channels) + tilePitch(perImage));
  // Few tiles of many channels are less memory than the sums.
  const shared = tileFloats <= Math.min(sums, sharedFloats);
  const block = evenPart(tiles, Math.max(channels, perImage) <= 256 ? 128 : 64, 1);
  const blocks = Math.ceil(tiles / block);
  // A unit's sums stay in the second-level cache: those of all lines of places, or of one.
  const lines = channels * perImage <= 72 * 72 ? 4 : 1;
  const unitChannels = shared
    ? evenPart(channels, 4 * rowUnit, rowUnit)
    : channels * perImage > 256 * 256
      ? evenPart(channels, 256, rowUnit)
      : channels;
  const units = (4 / lines) * Math.ceil(channels / unitChannels);
  const wanted = Math.min(Math.ceil(16 / units), blocks, Math.floor(largestSumFloats / sums));
  const perSplit = Math.ceil(blocks / Math.max(1, wanted));
  const splits = Math.max(1, Math.ceil(blocks / perSplit));
  const payload = [batch, channels, perImage, H, W, ...imageWords(x), ...imageWords(dy), rows, columns];
  payload.push(part.rows.offsets[0]!, part.columns.offsets[0]!, dw.slot, dw.offset, dw.strides[0]!, dw.strides[1]!);
  payload.push(splits, lines, block, unitChannels, Number(shared), ...weightOffsets(part, dw.strides));
  return {
    kind: "WINOGRAD_WEIGHT",
    payload,
    workspaceBytes: shared ? tileFloats * 4 : wholeLines(sums * 4) * splits,
    threadBytes: shared
      ? places * unitChannels * microColumns * 4
      : 4 * block * (tilePitch(unitChannels) + tilePitch(perImage)) * 4,
    nanoseconds: groupNanoseconds + (1.3 * 2 * sums * tiles) / flopsPerNanosecond,
  };
}
