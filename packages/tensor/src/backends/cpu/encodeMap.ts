import type { MapGroup } from "../../backend.js";
import { sizeOf } from "../../shape.js";
import { elementNanoseconds, groupNanoseconds, unitsPerChunk } from "./cost.js";
import { type Encoded, nothing, type PlanContext, wholeLines } from "./encoded.js";
import { collapse, isInRuns, memoryOrder, periodOf, permuted } from "./space.js";
import { assemble, type TileProgram, type TileSource, tileProgram } from "./tileProgram.js";

/** Elements of a tile when few registers are alive; more registers make it smaller, so that all stay in the cache. */
const largestTile = 1024;
/** A pattern that repeats within so many elements may set the length of tiles. */
const largestPeriod = 1024;

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** The index space of a group with dimensions in the order of memory and strides to match. */
export function orderedSource(
  group: Pick<MapGroup, "dims" | "loads" | "instructions">,
  stores: MapGroup["stores"],
  results: readonly number[],
  order: readonly number[],
  context: PlanContext,
): TileSource {
  return {
    dims: permuted(group.dims, order),
    loads: group.loads.map((load) =>
      load.kind === "scalar" ? load : { ...load, strides: permuted(load.strides, order) },
    ),
    instructions: group.instructions,
    stores: stores.map((store) => ({ ...store, strides: permuted(store.strides, order) })),
    results,
    context,
  };
}

/**
 * A length near `around` that patterns of the loads (channel vectors over rows) divide, so that they are the same in
 * every tile. Also a multiple of 16 where that fits. If memory is read or written in runs, a tile that divides all of them is
 * worked on where it lies.
 */
function tileLength(source: TileSource, around: number): number {
  let common = 1;
  for (const load of source.loads) {
    if (load.kind === "scalar") continue;
    const period = periodOf(collapse(source.dims, load.strides));
    if (period === undefined) continue;
    const both = (common / greatestCommonDivisor(common, period)) * period;
    if (both <= Math.max(largestPeriod, around)) common = both;
  }
  const aligned = (common / greatestCommonDivisor(common, 16)) * 16;
  if (aligned <= around) common = aligned;
  const run = commonRun(source);
  for (let tile = Math.min(run, around); tile >= shortestRun; tile--) {
    if (run % tile === 0 && tile % codeLanes === 0 && (tile % common === 0 || common % tile === 0)) return tile;
  }
  return common > around ? common : Math.floor(around / common) * common;
}

/** Runs of memory that are not consecutive, when they are this long, set the length of tiles. */
const shortestRun = 128;
/** Elements that machine code works on at once. */
const codeLanes = 8;

/** The length that divides all runs of the memory of loads and stores that is not consecutive; 0 when there is none. */
function commonRun({ dims, loads, stores }: TileSource): number {
  let run = 0;
  for (const it of [...loads, ...stores]) {
    if ("kind" in it && it.kind !== "memory") continue;
    const view = collapse(dims, it.strides);
    if (view.sizes.length > 1 && view.strides.at(-1) === 1) run = greatestCommonDivisor(run, view.sizes.at(-1)!);
  }
  return run;
}

/** Tries tiles from large to small until the registers fit the cache; `build` makes the program for a length. */
export function fitTile<T extends { program: TileProgram }>(build: (around: number) => T): T {
  let built = build(largestTile);
  if (built.program.registers > 6) built = build(largestTile / 2);
  if (built.program.registers > 12) built = build(largestTile / 4);
  if (built.program.registers > 24) built = build(largestTile / 8);
  return built;
}

/** Stores decide the order of dimensions, unless they would go through memory in runs of a few elements. */
function mapOrder({ dims, loads, stores }: MapGroup): number[] {
  const stored = stores.map((store) => store.strides);
  const loaded = loads.flatMap((load) => (load.kind === "memory" ? [load.strides] : []));
  const order = memoryOrder(dims, [...stored, ...loaded]);
  const last = order.at(-1);
  if (last === undefined || dims[last]! > shortRun) return order;
  const other = memoryOrder(dims, [...loaded, ...stored]);
  return dims[other.at(-1)!]! > shortRun && loaded.some((strides) => Math.abs(strides[other.at(-1)!]!) === 1)
    ? other
    : order;
}

/** Walks that jump go faster the other way round when their runs are no longer than this. */
const shortRun = 8;

/** A transposition is done in blocks of this many elements a side, so that it uses whole lines of the cache. */
const blockSide = 16;

/** Where loads and stores run along different dimensions of a large space, cuts both dimensions into blocks. */
function inBlocks(source: TileSource): TileSource {
  const { dims, loads, stores } = source;
  const last = dims.length - 1;
  if (sizeOf(dims) < 1 << 14 || dims[last]! % blockSide !== 0) return source;
  const across = dims.findIndex(
    (size, d) =>
      d < last &&
      size % blockSide === 0 &&
      loads.some(
        (it) => it.kind === "memory" && Math.abs(it.strides[d]!) === 1 && Math.abs(it.strides[last]!) > shortRun,
      ),
  );
  if (across < 0) return source;
  const cut = (strides: readonly number[]) => [
    ...strides.map((stride, d) => (d === across || d === last ? stride * blockSide : stride)),
    strides[across]!,
    strides[last]!,
  ];
  return {
    ...source,
    dims: [...dims.map((size, d) => (d === across || d === last ? size / blockSide : size)), blockSide, blockSide],
    loads: loads.map((it) => (it.kind === "scalar" ? it : { ...it, strides: cut(it.strides) })),
    stores: stores.map((it) => ({ ...it, strides: cut(it.strides) })),
  };
}

/** Encodes elementwise work. */
export function encodeMap(group: MapGroup, context: PlanContext): Encoded {
  const elements = sizeOf(group.dims);
  if (elements === 0) return nothing;
  const source = inBlocks(orderedSource(group, group.stores, [], mapOrder(group), context));
  const { tile, program } = fitTile((around) => {
    const length = Math.min(tileLength(source, around), elements);
    const repeats = (period: number) => elements > length && length % period === 0;
    return { tile: length, program: tileProgram(source, repeats, (view) => isInRuns(view, length)) };
  });
  const perElement = elementNanoseconds(source.dims, source.loads, source.instructions, source.stores);
  const tilesPerChunk = unitsPerChunk(Math.ceil(elements / tile), perElement * tile);
  const step = Math.min(tilesPerChunk * tile, elements);
  const { registers, prologue, body } = program;
  return {
    kind: "MAP",
    ...assemble([elements, tile, registers, step, prologue.length, body.length], program, []),
    workspaceBytes: 0,
    threadBytes: wholeLines(registers * tile * 4),
    nanoseconds: groupNanoseconds + perElement * elements,
  };
}
