import { expect, test } from "vitest";
import { palettes } from "../src/index.js";

type Row = readonly [number, number, number];

/** How the colors of a screen look to dichromats, in linear RGB: Machado, Oliveira and Fernandes (2009), severity 1. */
const visions: Readonly<Record<string, readonly [Row, Row, Row]>> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const times = (rows: readonly Row[], [a, b, c]: Row) =>
  rows.map(([x, y, z]) => x * a + y * b + z * c) as unknown as Row;

/** The color as somebody sees it, in OKLab. */
function seen(color: string, vision: readonly Row[]): Row {
  const linear = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const rgb = times(vision, linear as unknown as Row).map((value) => Math.max(0, value)) as unknown as Row;
  const cones = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    rgb,
  ).map(Math.cbrt) as unknown as Row;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones,
  );
}

const kinds = Object.keys(visions);
test.each(kinds.flatMap((kind) => (["light", "dark"] as const).map((theme) => [kind, theme] as const)))(
  "all colors of a chart differ: %s, %s",
  (kind, theme) => {
    const { series, good, bad } = palettes[theme];
    const distance = (a: string, b: string) => {
      const [from, to] = [seen(a, visions[kind]), seen(b, visions[kind])];
      return Math.hypot(...from.map((value, index) => value - to[index]));
    };
    const pairs = series.flatMap((a, i) => series.slice(i + 1).map((b) => [a, b] as const));
    for (const [a, b] of pairs) expect(distance(a, b), `${a} and ${b}`).toBeGreaterThan(0.07);
    expect(distance(good, bad)).toBeGreaterThan(0.15);
  },
);
