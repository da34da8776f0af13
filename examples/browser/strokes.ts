/** A line drawn in one go: x, y, x, y... in any unit, y downwards. */
export type Stroke = readonly number[];

/** Side of the square that every sketch and picture becomes. */
export const size = 32;

/** Bytes of one picture: RGB, row by row. */
export const pictureBytes = size * size * 3;

const margin = 4;

/**
 * Draws strokes as black ink on white paper: u8 [size, size, 3]. The drawing is moved and scaled to fill the square, so it
 * does not matter where and how large it was drawn. Plain arithmetic, and so the same bytes in Node and in every browser.
 */
export function rasterize(strokes: readonly Stroke[], thickness = 2.2): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pictureBytes).fill(255);
  const xs = strokes.flatMap((stroke) => stroke.filter((_, i) => i % 2 === 0));
  const ys = strokes.flatMap((stroke) => stroke.filter((_, i) => i % 2 === 1));
  if (xs.length === 0) return bytes;
  const [left, right, top, bottom] = [least(xs), -least(xs, -1), least(ys), -least(ys, -1)];
  const extent = Math.max(right - left, bottom - top, 1e-6);
  const scale = (size - 2 * margin) / extent;
  const toX = (x: number) => (x - (left + right) / 2) * scale + size / 2;
  const toY = (y: number) => (y - (top + bottom) / 2) * scale + size / 2;
  const ink = new Float32Array(size * size);
  for (const stroke of strokes) {
    for (let i = 0; i < stroke.length; i += 2) {
      const j = Math.min(i + 2, stroke.length - 2);
      segment(ink, toX(stroke[i]!), toY(stroke[i + 1]!), toX(stroke[j]!), toY(stroke[j + 1]!), thickness / 2);
    }
  }
  for (let i = 0; i < ink.length; i++) bytes.fill(Math.round(255 * (1 - ink[i]!)), 3 * i, 3 * i + 3);
  return bytes;
}

function least(values: readonly number[], sign = 1): number {
  return values.reduce((found, value) => Math.min(found, sign * value), Number.POSITIVE_INFINITY);
}

/** Adds a segment with round ends: each pixel's ink is how far it reaches into the line, up to one. */
function segment(ink: Float32Array, ax: number, ay: number, bx: number, by: number, radius: number): void {
  const reach = radius + 1;
  const [dx, dy] = [bx - ax, by - ay];
  const lengthSquared = dx * dx + dy * dy;
  const clip = (value: number) => Math.min(size - 1, Math.max(0, Math.floor(value)));
  for (let y = clip(Math.min(ay, by) - reach); y <= clip(Math.max(ay, by) + reach); y++) {
    for (let x = clip(Math.min(ax, bx) - reach); x <= clip(Math.max(ax, bx) + reach); x++) {
      const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
      const along = lengthSquared === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / lengthSquared));
      const distance = Math.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2);
      const share = Math.min(1, Math.max(0, radius + 0.5 - distance));
      const at = y * size + x;
      if (share > ink[at]!) ink[at] = share;
    }
  }
}
