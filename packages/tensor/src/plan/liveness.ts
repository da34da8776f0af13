/** A value that needs scratch memory from the group that first writes it to the last that reads it. */
export interface Span {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  offset: number;
}

const align = (bytes: number) => Math.ceil(Math.max(bytes, 1) / 64) * 64;

/**
 * Gives every span an offset so that spans alive at one time do not overlap: in order of first use, each takes the
 * smallest hole that fits. Returns the bytes of the whole region.
 */
export function placeSpans(spans: readonly Span[]): number {
  const order = [...spans].sort((a, b) => a.first - b.first || b.bytes - a.bytes);
  let alive: Span[] = [];
  let total = 0;
  for (const span of order) {
    alive = alive.filter((other) => other.last >= span.first);
    alive.sort((a, b) => a.offset - b.offset);
    const need = align(span.bytes);
    let at = 0;
    let best = -1;
    let bestSize = Number.POSITIVE_INFINITY;
    for (const other of alive) {
      const hole = other.offset - at;
      if (hole >= need && hole < bestSize) {
        best = at;
        bestSize = hole;
      }
      at = Math.max(at, other.offset + align(other.bytes));
    }
    span.offset = best >= 0 ? best : at;
    total = Math.max(total, span.offset + need);
    alive.push(span);
  }
  return total;
}
