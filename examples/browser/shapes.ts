import type { Generator } from "@fai/tensor";
import { rasterize, type Stroke } from "./strokes.js";

/** What the built-in task tells apart. */
export const shapeNames = ["circle", "square", "triangle", "star", "heart", "zigzag"] as const;

/** The name of a shape. */
export type ShapeName = (typeof shapeNames)[number];

/** The outline's place at t from 0 to 1. */
type Outline = (t: number) => readonly [number, number];

const turn = 2 * Math.PI;

const outlines: Readonly<Record<ShapeName, Outline>> = {
  circle: (t) => [Math.cos(turn * t), Math.sin(turn * t)],
  square: polygon([
    [-0.9, -0.9],
    [0.9, -0.9],
    [0.9, 0.9],
    [-0.9, 0.9],
  ]),
  triangle: polygon([
    [0, -0.95],
    [1, 0.8],
    [-1, 0.8],
  ]),
  star: polygon([0, 2, 4, 1, 3].map((i) => onCircle(i / 5, 1))),
  heart: (t) => {
    const a = turn * t;
    const y = 13 * Math.cos(a) - 5 * Math.cos(2 * a) - 2 * Math.cos(3 * a) - Math.cos(4 * a);
    return [Math.sin(a) ** 3, -y / 15];
  },
  zigzag: polyline([
    [-1, 0.4],
    [-0.6, -0.4],
    [-0.2, 0.4],
    [0.2, -0.4],
    [0.6, 0.4],
    [1, -0.4],
  ]),
};

/** The other way to draw a star: around its ten corners. */
const outlinedStar = polygon(Array.from({ length: 10 }, (_, i) => onCircle(i / 10, i % 2 === 0 ? 1 : 0.45)));

/** A shape as somebody in a hurry would draw it: turned, stretched, wobbly, and not quite closed. Unit: about 1 from the middle. */
export function sketchShape(name: ShapeName, generator: Generator): Stroke[] {
  const between = (low: number, high: number) => low + (high - low) * generator.uniform();
  const angle = between(-0.28, 0.28);
  const [stretchX, stretchY] = [between(0.72, 1.1), between(0.72, 1.1)];
  const shear = between(-0.2, 0.2);
  const closed = name !== "zigzag";
  const outline = name === "star" && generator.uniform() < 0.5 ? outlinedStar : outlines[name];
  // A closed line may start anywhere, and its end misses its start.
  const start = closed && name !== "star" && name !== "heart" ? generator.uniform() : 0;
  const length = closed ? between(0.95, 1.06) : 1;
  const mirrored = generator.uniform() < 0.5 ? -1 : 1;
  const waves = Array.from({ length: 4 }, (_, i) => ({
    size: between(0, 0.1) / (1 + i / 2),
    cycles: (i >> 1) + between(0.6, 1.6),
    phase: turn * generator.uniform(),
  }));
  const points = Array.from({ length: 72 }, (_, i) => {
    const along = (length * i) / 71;
    const [ox, oy] = outline((start + along + 1) % 1 || (closed ? 0 : along));
    const [wx, wy] = [0, 1].map((axis) =>
      waves.reduce(
        (sum, wave, k) => (k % 2 === axis ? sum + wave.size * Math.sin(turn * wave.cycles * along + wave.phase) : sum),
        0,
      ),
    ) as [number, number];
    const x = mirrored * stretchX * (ox + shear * oy) + wx;
    const y = stretchY * oy + wy;
    return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
  });
  return [points.flat()];
}

/** A picture of a shape: u8 [size, size, 3]. */
export function shapePicture(name: ShapeName, generator: Generator): Uint8Array<ArrayBuffer> {
  const strokes = sketchShape(name, generator);
  return rasterize(strokes, 1.7 + 1.1 * generator.uniform());
}

/** The place at a share of a turn, clockwise from the top. */
function onCircle(share: number, radius: number): readonly [number, number] {
  return [radius * Math.sin(turn * share), -radius * Math.cos(turn * share)];
}

function polygon(corners: readonly (readonly number[])[]): Outline {
  return polyline([...corners, corners[0]!]);
}

function polyline(corners: readonly (readonly number[])[]): Outline {
  return (t) => {
    const at = t * (corners.length - 1);
    const from = Math.min(corners.length - 2, Math.floor(at));
    const rest = at - from;
    const [a, b] = [corners[from]!, corners[from + 1]!];
    return [a[0]! + rest * (b[0]! - a[0]!), a[1]! + rest * (b[1]! - a[1]!)];
  };
}
