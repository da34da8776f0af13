import type { ReduceGroup, Store } from "../../backend.js";
import { isFloat } from "../../dtype.js";
import { invariant } from "../../errors.js";
import { sizeOf } from "../../shape.js";
import { maxReductions, reduceOps } from "./codes.js";
import { chunkNanoseconds, elementNanoseconds, groupNanoseconds, unitsPerChunk } from "./cost.js";
import { type Encoded, nothing, type PlanContext, wholeLines } from "./encoded.js";
import { fitTile, orderedSource } from "./encodeMap.js";
import { collapse, footprint, memoryOrder, permuted } from "./space.js";
import { assemble, storeRecord, tileProgram, type Word } from "./tileProgram.js";

/** Partial results of split reductions take at most this much memory for each reduction. */
const largestPartialElements = 1 << 20;

type Reduction = ReduceGroup["reductions"][number];

function reduceOp({ op, register }: Reduction, types: readonly ("f32" | "i32")[]): number {
  const name = op.toUpperCase() as "SUM" | "MAX" | "ARGMAX";
  return types[register] === "i32" ? reduceOps[`${name}_INT`] : reduceOps[name];
}

/** The type of each register: of a load, or what an instruction gives. */
function registerTypes({ loads, instructions }: ReduceGroup): ("f32" | "i32")[] {
  const types = loads.map((load) => (load.kind !== "iota" && isFloat(load.dtype) ? "f32" : "i32"));
  for (const { op, type } of instructions) {
    if (op === "toFloat" || op === "uniform") types.push("f32");
    else if (op === "lt" || op === "eq" || op === "toInt" || op === "toBool" || op === "toByte" || op === "random") {
      types.push("i32");
    } else types.push(type);
  }
  return types;
}

/**
 * Encodes a reduction. The largest operand decides the order of the dimensions; kept ones that are innermost in memory
 * stay inside, all others go outside the reduced ones.
 */
export function encodeReduce(group: ReduceGroup, context: PlanContext): Encoded {
  const { dims, reduced, reductions } = group;
  invariant(reductions.length <= maxReductions, `more than ${maxReductions} reductions in a group`);
  const byFootprint = group.loads
    .flatMap((load) => (load.kind === "memory" ? [load] : []))
    .sort((a, b) => footprint(dims, b) - footprint(dims, a));
  const inMemory = memoryOrder(dims, [
    ...byFootprint.map((load) => load.strides),
    ...reductions.map((store) => store.strides),
  ]);
  const lastReduced = inMemory.findLastIndex((d) => reduced[d]);
  const innerDims = lastReduced < 0 ? [] : inMemory.slice(lastReduced + 1);
  const outerDims = inMemory.filter((d) => !reduced[d] && !innerDims.includes(d));
  const order = [...outerDims, ...inMemory.filter((d) => reduced[d]), ...innerDims];

  const outer = sizeOf(permuted(dims, outerDims));
  const inner = sizeOf(permuted(dims, innerDims));
  const rows = sizeOf(dims.filter((_, d) => reduced[d]));
  if (outer * inner === 0) return nothing;

  const source = orderedSource(
    group,
    [],
    reductions.map((it) => it.register),
    order,
    context,
  );
  const segment = rows * inner;
  const { tile, layout, program } = fitTile((around) => {
    if (segment <= around && segment > 0) {
      const segments = Math.min(Math.floor(around / segment), outer);
      const length = segments * segment;
      const repeats = (period: number) => outer > segments && length % period === 0;
      return { tile: length, layout: 0, program: tileProgram(source, repeats) };
    }
    const length = inner <= around ? Math.floor(around / inner) * inner : around;
    const repeats = (period: number) => (inner <= around ? inner % period === 0 : period === 1);
    return { tile: length, layout: 1, program: tileProgram(source, repeats) };
  });

  const perElement = elementNanoseconds(source.dims, source.loads, source.instructions, []) + 0.1 * reductions.length;
  const elements = outer * segment;
  const results = outer * inner;
  let splits = 1;
  let step: number;
  if (layout === 0) {
    step = Math.min(elements, tile * unitsPerChunk(Math.ceil(elements / tile), tile * perElement));
  } else {
    const blocks = outer * Math.ceil(inner / tile);
    const rowsPerTile = inner <= tile ? Math.floor(tile / inner) : 1;
    const wanted = Math.min(64, Math.floor((elements * perElement) / chunkNanoseconds));
    if (blocks < 16 && wanted > blocks && results <= largestPartialElements) {
      // At least eight tiles a split, of whole tiles.
      const most = Math.max(1, Math.floor(rows / (8 * rowsPerTile)));
      const asked = Math.min(most, Math.ceil(wanted / blocks));
      const perSplit = Math.ceil(rows / asked / rowsPerTile) * rowsPerTile;
      splits = Math.ceil(rows / perSplit);
    }
    step = unitsPerChunk(blocks * splits, (elements * perElement) / (blocks * splits));
  }

  const keptDims = [...outerDims, ...innerDims];
  const types = registerTypes(group);
  const records = reductions.map((it: Reduction & Store) =>
    storeRecord(it, collapse(permuted(dims, keptDims), permuted(it.strides, keptDims))),
  );
  const { registers, prologue, body } = program;
  const head: Word[] = [outer, rows, inner, tile, layout, splits, step, registers, reductions.length];
  head.push(prologue.length, body.length);
  for (const [i, reduction] of reductions.entries()) {
    head.push(reduceOp(reduction, types), program.results[i]!, { record: program.records.length + i });
  }
  const lanes = wholeLines(tile * 4);
  return {
    kind: "REDUCE",
    ...assemble(head, program, records),
    workspaceBytes: splits > 1 ? wholeLines(results * 4) * splits * reductions.length * 2 : 0,
    threadBytes: wholeLines(registers * tile * 4) + lanes * (3 * reductions.length + 1),
    nanoseconds: groupNanoseconds + perElement * elements + 2 * results * splits,
  };
}
