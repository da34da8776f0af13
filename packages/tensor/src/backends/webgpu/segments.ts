import { bindingAlignment } from "./limits.js";

/** A piece of a buffer, as a kernel binds it. */
export interface Segment<Chunk> {
  readonly chunk: Chunk;
  readonly offset: number;
  readonly size: number;
}

/** Bytes of a buffer that a kernel touches. */
export interface Range<Chunk> {
  readonly chunk: Chunk;
  readonly from: number;
  readonly to: number;
}

/** Which segments an operand lies in: `pages` of them, the first is number `first` and starts at byte `origin` of the buffer. */
export interface Span {
  readonly first: number;
  readonly pages: number;
  readonly origin: number;
}

interface SomeChunk {
  readonly number: number;
  readonly bytes: number;
}

/**
 * The segments that cover all ranges, and where each range lies in them. Segments never overlap, because WebGPU lets nothing
 * that is written be bound twice. A buffer that one binding covers is bound whole; of larger ones, ranges that fit into one
 * binding together share it, and what overlaps beyond that is cut into pages of `bindingBytes`.
 */
export function segmentsOf<Chunk extends SomeChunk>(
  ranges: readonly Range<Chunk>[],
  bindingBytes: number,
): { segments: Segment<Chunk>[]; spans: Span[] } {
  const segments: Segment<Chunk>[] = [];
  const spans = new Array<Span>(ranges.length);
  const whole = new Map<Chunk, number>();
  const order = ranges
    .map((_, i) => i)
    .filter((i) => {
      const { chunk } = ranges[i]!;
      if (chunk.bytes > bindingBytes) return true;
      let first = whole.get(chunk);
      if (first === undefined) {
        first = segments.push({ chunk, offset: 0, size: chunk.bytes }) - 1;
        whole.set(chunk, first);
      }
      spans[i] = { first, pages: 1, origin: 0 };
      return false;
    });
  order.sort((a, b) => ranges[a]!.chunk.number - ranges[b]!.chunk.number || ranges[a]!.from - ranges[b]!.from);
  for (let i = 0; i < order.length; ) {
    const { chunk, from } = ranges[order[i]!]!;
    const start = Math.floor(from / bindingAlignment) * bindingAlignment;
    let end = start;
    const together: number[] = [];
    for (; i < order.length; i++) {
      const next = ranges[order[i]!]!;
      if (next.chunk !== chunk) break;
      const grown = Math.max(end, next.to);
      const apart = Math.floor(next.from / bindingAlignment) * bindingAlignment >= end;
      if (apart && together.length > 0 && grown - start > bindingBytes) break;
      together.push(order[i]!);
      end = grown;
    }
    const first = segments.length;
    for (let offset = start; offset < end || offset === start; offset += bindingBytes)
      segments.push({ chunk, offset, size: Math.max(bindingAlignment, Math.min(bindingBytes, end - offset)) });
    for (const k of together) {
      const { from, to } = ranges[k]!;
      const page = Math.floor((from - start) / bindingBytes);
      const last = Math.floor((Math.max(from, to - 1) - start) / bindingBytes);
      spans[k] = { first: first + page, pages: last - page + 1, origin: start + page * bindingBytes };
    }
  }
  return { segments, spans };
}
