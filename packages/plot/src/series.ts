/** One point of a curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * The exponential moving average of `values` with `decay` in [0, 1), corrected for its start at zero
 * (Kingma and Ba, "Adam", 2015, section 3), as fastai 0.7 smooths its training loss.
 */
export function smooth(values: readonly number[], decay: number): number[] {
  let mean = 0;
  return values.map((value, index) => {
    mean = decay * mean + (1 - decay) * value;
    return mean / (1 - decay ** (index + 1));
  });
}

/**
 * At most about `limit` of the points, with every peak kept: the lowest and the highest of each stretch, in their order.
 * A curve of a million batches then draws as fast as one of a thousand, and looks the same.
 */
export function thin(points: readonly Point[], limit: number): Point[] {
  if (points.length <= limit) return [...points];
  const stretches = Math.floor(limit / 2);
  const kept: Point[] = [];
  for (let i = 0; i < stretches; i++) {
    const end = Math.floor(((i + 1) * points.length) / stretches);
    let [low, high] = [Math.floor((i * points.length) / stretches), Math.floor((i * points.length) / stretches)];
    for (let at = low + 1; at < end; at++) {
      if (points[at].y < points[low].y) low = at;
      if (points[at].y > points[high].y) high = at;
    }
    const pair = low === high ? [low] : [Math.min(low, high), Math.max(low, high)];
    kept.push(...pair.map((at) => points[at]));
  }
  // The ends stay where they are.
  if (kept[0].x !== points[0].x) kept.unshift(points[0]);
  const last = points[points.length - 1];
  if (kept[kept.length - 1].x !== last.x) kept.push(last);
  return kept;
}

/** The value below which `share` (0 to 1) of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** The range of `values`, a twentieth wider on both sides, though not below 0 when no value is; never empty. */
export function paddedRange(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const room = high > low ? (high - low) / 20 : Math.abs(high) / 20 || 1;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}
