import type { MapGroup, Slot } from "../../backend.js";
import { groupNanoseconds, elementNanoseconds, unitsPerChunk } from "./cost.js";
import type { Encoded } from "./encode.js";
import { collapse, memoryOrder, periodOf, permuted } from "./space.js";
import { assemble, type TileProgram, type TileSource, tileProgram } from "./tileProgram.js";

/** Elements of a tile when few registers are alive; more registers make it smaller, so that all stay in the cache. */
const largestTile = 512;
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
  slots: readonly Slot[],
): TileSource {
  return {
    dims: permuted(group.dims, order),
    loads: group.loads.map((load) =>
      load.kind === "scalar" ? load : { ...load, strides: permuted(load.strides, order) },
    ),
    instructions: group.instructions,
    stores: stores.map((store) => ({ ...store, strides: permuted(store.strides, order) })),
    results,
    slots,
  };
}

/**
 * A length near `around` that patterns of the loads (channel vectors over rows) divide, so that they are the same in
 * every tile. Also a multiple of 16 where that fits.
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
  return common > around ? common : Math.floor(around / common) * common;
}

/** Tries tiles from large to small until the registers fit the cache; `build` makes the program for a length. */
export function fitTile<T extends { program: TileProgram }>(build: (around: number) => T): T {
  let built = build(largestTile);
  if (built.program.registers > 12) built = build(largestTile / 2);
  if (built.program.registers > 24) built = build(largestTile / 4);
  return built;
}

/** Encodes elementwise work. */
export function encodeMap(group: MapGroup, slots: readonly Slot[]): Encoded {
  const elements = group.dims.reduce((product, size) => product * size, 1);
  if (elements === 0) return { kind: "MAP", payload: undefined, workspaceBytes: 0, threadBytes: 0, nanoseconds: 0 };
  const loadStrides = group.loads.flatMap((load) => (load.kind === "memory" ? [load.strides] : []));
  const order = memoryOrder(group.dims, [...group.stores.map((store) => store.strides), ...loadStrides]);
  const source = orderedSource(group, group.stores, [], order, slots);
  const { tile, program } = fitTile((around) => {
    const length = Math.min(tileLength(source, around), elements);
    const repeats = (period: number) => elements > length && length % period === 0;
    return { tile: length, program: tileProgram(source, repeats) };
  });
  const perElement = elementNanoseconds(source.dims, source.loads, source.instructions, source.stores);
  const tilesPerChunk = unitsPerChunk(Math.ceil(elements / tile), perElement * tile);
  const step = Math.min(tilesPerChunk * tile, elements);
  const { registers, prologue, body } = program;
  return {
    kind: "MAP",
    payload: assemble([elements, tile, registers, step, prologue.length, body.length], program, []),
    workspaceBytes: 0,
    threadBytes: Math.ceil((registers * tile * 4) / 64) * 64,
    nanoseconds: groupNanoseconds + perElement * elements,
  };
}
