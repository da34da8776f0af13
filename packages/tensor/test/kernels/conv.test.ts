import { describe, it } from "vitest";
import type { ContractGroup, ConvParams, Operand } from "../../src/backend.js";
import { WebGpuBackend } from "../../src/backends/webgpu/webgpuBackend.js";
import type { HostArray } from "../../src/dtype.js";
import { contiguousStrides, type Shape } from "../../src/shape.js";
import { Interpreter } from "../interpreter/interpreter.js";
import { Draw, operand, span } from "./draw.js";
import { backends, expectAgreement, expectClose, outcome, seeds, type Work } from "./outcome.js";

const all = backends();

interface Geometry extends ConvParams {
  batch: number;
  channels: number;
  outputs: number;
  size: readonly [number, number];
  kernel: readonly [number, number];
}

const channelsLast = ([, c, h, w]: Shape) => [c! * h! * w!, 1, c! * w!, c!];

/** A channels-last image with its channels as planes. */
function channelsFirst(data: HostArray, shape: Shape): HostArray {
  const [, c, h, w] = shape as [number, number, number, number];
  return data.slice().map((_, i) => {
    const image = Math.floor(i / (c * h * w));
    const channel = Math.floor(i / (h * w)) % c;
    return data[(image * h * w + (i % (h * w))) * c + channel]!;
  });
}

/** The three convolutions of a geometry, or undefined when it has no output. */
function convolutions(draw: Draw, g: Geometry): Work | undefined {
  const outputSize = [0, 1].map((d) => {
    const span = g.dilation[d]! * (g.kernel[d]! - 1) + 1;
    return Math.floor((g.size[d]! + 2 * g.padding[d]! - span) / g.stride[d]!) + 1;
  });
  if (outputSize.some((size) => size < 1)) return undefined;
  const x = [g.batch, g.channels, ...g.size];
  const w = [g.outputs, g.channels / g.groups, ...g.kernel];
  const y = [g.batch, g.outputs, ...outputSize];
  const weightStrides = draw.dense(
    w,
    draw.pick([
      [0, 1, 2, 3],
      [2, 3, 1, 0],
      [0, 2, 3, 1],
    ]),
    false,
  );
  const operands = [x, w, y, x, w].map((shape, i) =>
    operand(i, "f32", shape, i % 3 === 1 ? weightStrides : channelsLast(shape)),
  );
  const [image, weight, gradient, imageOut, weightOut] = operands as [
    (typeof operands)[0],
    (typeof operands)[0],
    (typeof operands)[0],
    (typeof operands)[0],
    (typeof operands)[0],
  ];
  const params: ConvParams = { stride: g.stride, padding: g.padding, dilation: g.dilation, groups: g.groups };
  const group = (op: "conv2d" | "conv2dInput" | "conv2dWeight", inputs: typeof operands, out: (typeof operands)[0]) =>
    ({ kind: "contract", op, params, inputs, outputs: [out], commit: false, label: op }) as ContractGroup<"conv2d">;
  const groups = [
    group("conv2d", [image, weight], { ...gradient, slot: 5 }),
    group("conv2dInput", [gradient, weight], imageOut),
    group("conv2dWeight", [image, gradient], { ...weightOut, strides: weightStrides }),
  ];
  const memory = [...operands, gradient].map(({ shape, strides }) => draw.memory("f32", span(shape, strides).length));
  return { groups, memory };
}

const square = (n: number) => [n, n] as const;

describe("convolutions", () => {
  it("agree with the interpreter on random geometries", async () => {
    for (let seed = 0; seed < seeds(250); seed++) {
      const draw = new Draw(seed);
      const groups = draw.chance(0.6) ? 1 : draw.int(1, 20);
      const depthwise = groups > 1 && draw.chance(0.5);
      const pair = (low: number, high: number) => [draw.int(low, high), draw.int(low, high)] as const;
      const geometry: Geometry = {
        groups,
        batch: draw.int(1, 3),
        channels: groups * (depthwise ? 1 : draw.int(1, groups > 1 ? 5 : 20)),
        outputs: groups * (depthwise && draw.chance(0.7) ? 1 : draw.int(1, groups > 1 ? 5 : 40)),
        size: pair(1, 16),
        kernel: pair(1, draw.pick([1, 3, 5])),
        stride: draw.chance(0.5) ? square(1) : pair(1, 3),
        padding: draw.chance(0.3) ? square(0) : pair(0, 4),
        dilation: draw.chance(0.7) ? square(1) : pair(1, 3),
      };
      const work = convolutions(draw, geometry);
      if (work) await expectAgreement(all, work, 1e-4, `seed ${seed}: ${JSON.stringify(geometry)}`);
    }
  });

  it("of 3x3 and many channels agree with the interpreter on random geometries", async () => {
    for (let seed = 0; seed < seeds(30); seed++) {
      const draw = new Draw(seed);
      const size = [draw.int(2, 15), draw.int(2, 15)] as const;
      const tiles = Math.ceil(size[0] / 2) * Math.ceil(size[1] / 2);
      const geometry: Geometry = {
        groups: 1,
        batch: Math.ceil(32 / tiles) + draw.int(0, 2),
        channels: draw.int(24, 70),
        outputs: draw.int(24, 70),
        size,
        kernel: square(3),
        stride: square(1),
        padding: draw.chance(0.6) ? square(1) : [draw.int(1, 3), draw.int(0, 3)],
        dilation: square(1),
      };
      const work = convolutions(draw, geometry);
      if (work) await expectAgreement(all, work, 1e-4, `seed ${seed}: ${JSON.stringify(geometry)}`);
    }
  });

  const plain = { stride: square(1), padding: square(1), dilation: square(1), groups: 1, kernel: square(3) };
  const cases: [string, Geometry][] = [
    [
      "a first layer",
      {
        ...plain,
        batch: 2,
        channels: 3,
        outputs: 48,
        size: [32, 30],
        kernel: square(7),
        stride: square(2),
        padding: square(3),
      },
    ],
    [
      "strides with dilations",
      {
        ...plain,
        batch: 2,
        channels: 34,
        outputs: 40,
        size: [17, 19],
        stride: [2, 3],
        dilation: [3, 2],
        padding: [3, 0],
      },
    ],
    [
      "pixels that no tap reaches",
      {
        ...plain,
        batch: 2,
        channels: 9,
        outputs: 34,
        size: [15, 18],
        stride: [2, 2],
        dilation: [2, 4],
        padding: [1, 4],
      },
    ],
    ["a middle layer", { ...plain, batch: 2, channels: 32, outputs: 40, size: [20, 20] }],
    ["a deep layer", { ...plain, batch: 3, channels: 96, outputs: 130, size: [7, 7] }],
    ["more channels than a unit of a gradient takes", { ...plain, batch: 5, channels: 150, outputs: 70, size: [4, 5] }],
    [
      "few channels, many images",
      { ...plain, batch: 9, channels: 3, outputs: 10, size: [9, 8], kernel: square(5), padding: square(2) },
    ],
    ["few strided channels", { ...plain, batch: 3, channels: 10, outputs: 20, size: [12, 14], stride: square(2) }],
    ["a strided deep layer", { ...plain, batch: 2, channels: 64, outputs: 100, size: [14, 14], stride: square(2) }],
    [
      "a strided 1x1",
      {
        ...plain,
        batch: 2,
        channels: 40,
        outputs: 70,
        size: [15, 15],
        kernel: square(1),
        stride: square(2),
        padding: square(0),
      },
    ],
    ["a 1x1", { ...plain, batch: 3, channels: 40, outputs: 70, size: [9, 9], kernel: square(1), padding: square(0) }],
    ["groups of channels", { ...plain, batch: 2, channels: 64, outputs: 96, size: [12, 12], groups: 4 }],
    ["depthwise", { ...plain, batch: 2, channels: 70, outputs: 70, size: [19, 17], groups: 70, stride: square(2) }],
    ["a wide image", { ...plain, batch: 1, channels: 5, outputs: 6, size: [5, 300] }],
    [
      "a large kernel",
      { ...plain, batch: 1, channels: 4, outputs: 5, size: [24, 24], kernel: square(17), padding: square(8) },
    ],
    [
      "large patches",
      {
        ...plain,
        batch: 1,
        channels: 2,
        outputs: 9,
        size: [36, 36],
        kernel: square(18),
        stride: square(18),
        padding: square(0),
      },
    ],
    [
      "patches",
      {
        ...plain,
        batch: 2,
        channels: 3,
        outputs: 20,
        size: [24, 24],
        kernel: square(8),
        stride: square(8),
        padding: square(0),
      },
    ],
  ];
  it("read and write images in any order of dimensions", async () => {
    for (const geometry of [
      { ...plain, batch: 2, channels: 20, outputs: 24, size: [9, 8] },
      { ...plain, batch: 2, channels: 6, outputs: 70, size: [12, 11], stride: square(2) },
      { ...plain, batch: 2, channels: 12, outputs: 12, size: [7, 9], groups: 12 },
      { ...plain, batch: 3, channels: 9, outputs: 5, size: [6, 6], kernel: square(1), padding: square(0) },
    ] as const) {
      const { groups, memory } = convolutions(new Draw(5), geometry)!;
      const expected = await outcome(new Interpreter(), { groups, memory });
      const isImage = (slot: number) => slot !== 1 && slot !== 4;
      const shapes = new Map(
        groups.flatMap((it) =>
          it.kind === "contract" ? [...it.inputs, ...it.outputs].map((o) => [o.slot, o.shape] as const) : [],
        ),
      );
      const inPlanes = (data: HostArray, slot: number) =>
        isImage(slot) ? channelsFirst(data, shapes.get(slot)!) : data;
      const move = (o: Operand): Operand => (isImage(o.slot) ? { ...o, strides: contiguousStrides(o.shape) } : o);
      const moved = groups.map((it) =>
        it.kind === "contract" ? { ...it, inputs: it.inputs.map(move), outputs: it.outputs.map(move) } : it,
      ) as Work["groups"];
      for (const backend of all) {
        const actual = await outcome(backend, { groups: moved, memory: memory.map(inPlanes) });
        actual.memory.forEach((data, slot) => {
          expectClose(data, inPlanes(expected.memory[slot]!, slot), 1e-4, `${JSON.stringify(geometry)}, slot ${slot}`);
        });
      }
    }
  });

  // Kernels with barriers take a processor that plays a GPU long: they are compiled for what they do in a way of their own.
  const withTiles = /^(a middle layer|strides with|pixels that|a first layer|few channels|groups of|depthwise)/;
  // Where Winograd's algorithm cuts tiles into blocks: the CPU alone has it.
  const manyTiles: typeof cases = [
    ["a deep layer of many tiles", { ...plain, batch: 5, channels: 70, outputs: 90, size: [16, 15] }],
  ];
  const ofHere = process.env.FAI_TEST_DEVICE === "webgpu" ? cases : [...cases, ...manyTiles];
  it.each(ofHere)("%s", async (name, geometry) => {
    const list = withTiles.test(name) ? all : all.filter((it) => !(it instanceof WebGpuBackend) || it.software);
    for (let seed = 1; seed <= seeds(3); seed++)
      await expectAgreement(list, convolutions(new Draw(seed), geometry)!, 1e-4, name);
  });
});
