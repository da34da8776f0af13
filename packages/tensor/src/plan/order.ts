import { byteSize } from "../dtype.js";
import type { Draft } from "./draft.js";
import type { Stored } from "./expression.js";

/** Values smaller than this are not worth an order of their own. */
const smallest = 2 ** 16;

/**
 * The groups in an order that holds less memory: when the remaining readers of a large value could all run now, and together would
 * take less new memory than the value's own, they run now and its memory is free. So both gradients that read the gradient of one
 * layer's result follow each other, although the graph is walked to one parameter after the other. Apart from that the order is kept,
 * and with it what every group reads and writes.
 */
export function orderForMemory(drafts: readonly Draft[]): Draft[] {
  const touching = new Map<Stored, { readers: number[]; writers: number[] }>();
  const followers: number[][] = drafts.map(() => []);
  const blockers = new Int32Array(drafts.length);
  const precede = (before: number, after: number) => {
    if (before === after || followers[before]!.at(-1) === after) return;
    followers[before]!.push(after);
    blockers[after]!++;
  };
  const usesOf = (stored: Stored) => {
    const known = touching.get(stored) ?? { readers: [], writers: [] };
    touching.set(stored, known);
    return known;
  };
  drafts.forEach((draft, at) => {
    for (const stored of draft.reads) {
      const { readers, writers } = usesOf(stored);
      for (const writer of writers) precede(writer, at);
      readers.push(at);
    }
    for (const stored of writtenBy(draft)) {
      const { readers, writers } = usesOf(stored);
      // Several groups may write parts of one value, and what is filled first is written over: they stay in order.
      const last = writers.at(-1);
      if (last !== undefined) precede(last, at);
      for (const reader of readers) precede(reader, at);
      writers.push(at);
    }
  });

  const order: Draft[] = [];
  const done = new Uint8Array(drafts.length);
  const present = new Set<Stored>();
  const run = (at: number) => {
    done[at] = 1;
    order.push(drafts[at]!);
    for (const stored of writtenBy(drafts[at]!)) present.add(stored);
    for (const after of followers[at]!) blockers[after]!--;
  };
  for (let next = 0; next < drafts.length; next++) {
    if (done[next]) continue;
    run(next);
    const recent = [next];
    for (let at = recent.pop(); at !== undefined; at = recent.pop()) {
      for (const stored of drafts[at]!.reads) {
        if (stored.place.kind !== "scratch" || bytesOf(stored) < smallest) continue;
        const waiting = touching.get(stored)!.readers.filter((reader) => !done[reader]);
        if (waiting.length === 0 || waiting.some((reader) => blockers[reader]! > 0)) continue;
        if (newBytes(waiting, drafts, present) >= bytesOf(stored)) continue;
        for (const reader of waiting) {
          run(reader);
          recent.push(reader);
        }
      }
    }
  }
  return order;
}

function newBytes(group: readonly number[], drafts: readonly Draft[], present: ReadonlySet<Stored>): number {
  const made = new Set(group.flatMap((at) => [...writtenBy(drafts[at]!)]));
  let bytes = 0;
  for (const stored of made) if (stored.place.kind === "scratch" && !present.has(stored)) bytes += bytesOf(stored);
  return bytes;
}

function writtenBy(draft: Draft): Iterable<Stored> {
  return draft.kind === "contract"
    ? draft.outputs.map(({ stored }) => stored)
    : draft.outputs.map(({ to }) => to.stored);
}

function bytesOf(stored: Stored): number {
  return stored.elements * byteSize[stored.dtype];
}
