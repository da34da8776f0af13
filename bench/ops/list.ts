import { type ConvGeometry, conv, elementwise, matmul, type Operation, pool, sum } from "./operations.js";

const directions = ["conv2d", "conv2dInput", "conv2dWeight"] as const;
const all = (geometry: ConvGeometry) => directions.map((op) => conv(op, geometry));

/** Everything that `npm run bench -- ops` measures. */
export function operations(): Operation[] {
  const squares = [512, 1024, 2048].map((n) => matmul(n, n, n));
  const products = [
    // The recurrent products of a language model with 1150 units, and of one with 500.
    matmul(64, 4600, 1150, { layout: "nt" }),
    matmul(64, 4600, 1150),
    ...[32, 512].flatMap((M) => [500, 200].map((K) => matmul(M, 2000, K, { layout: "nt" }))),
    // And of one with 512, whose rows would fall into one set of the cache.
    matmul(512, 2048, 512, { layout: "nt" }),
    matmul(512, 512, 2048),
    matmul(2048, 512, 4096, { layout: "tn" }),
    matmul(32, 500, 2000),
    matmul(2240, 2000, 500, { layout: "nt" }),
    matmul(2000, 500, 2240, { layout: "tn" }),
    matmul(2240, 500, 2000),
    matmul(2240, 10_000, 400, { layout: "nt" }),
    // Layers of a character model and of a tabular one.
    matmul(512, 256, 298, { layout: "nt" }),
    matmul(512, 85, 256, { layout: "nt" }),
    matmul(128, 1000, 233, { layout: "nt" }),
    matmul(1000, 233, 128, { layout: "tn" }),
    // Gradients of recurrent weights over all steps.
    matmul(256, 256, 3584, { layout: "tn" }),
    matmul(768, 256, 3584, { layout: "tn" }),
    matmul(85, 256, 4096, { layout: "tn" }),
    matmul(1000, 1000, 1000, { layout: "nt" }),
    matmul(1000, 1000, 1000, { layout: "tn" }),
    matmul(64, 64, 64, { batch: 256 }),
    matmul(128, 128, 64, { batch: 64, layout: "nt" }),
    matmul(100_000, 40, 30),
  ];
  const geometries: ConvGeometry[] = [
    { batch: 16, channels: 64, outputs: 64, size: 32 },
    { batch: 16, channels: 128, outputs: 128, size: 16 },
    { batch: 16, channels: 256, outputs: 256, size: 8 },
    { batch: 16, channels: 512, outputs: 512, size: 4 },
    { batch: 16, channels: 64, outputs: 128, size: 32, stride: 2 },
    { batch: 16, channels: 256, outputs: 512, size: 8, stride: 2 },
    { batch: 16, channels: 64, outputs: 128, size: 32, stride: 2, kernel: 1 },
    { batch: 16, channels: 256, outputs: 256, size: 16, kernel: 1 },
    { batch: 16, channels: 3, outputs: 64, size: 128, stride: 2, kernel: 7 },
    { batch: 16, channels: 64, outputs: 64, size: 32, groups: 64 },
    // A small net's layers: few channels, many images.
    { batch: 256, channels: 3, outputs: 10, size: 32, kernel: 5 },
    { batch: 256, channels: 10, outputs: 20, size: 32, stride: 2 },
    { batch: 256, channels: 20, outputs: 40, size: 16, stride: 2 },
    { batch: 256, channels: 40, outputs: 80, size: 8, stride: 2 },
    { batch: 256, channels: 80, outputs: 160, size: 4, stride: 2 },
  ];
  const pools = (["max", "avg"] as const).flatMap((kind) => [
    pool("pool", kind, [16, 64, 64]),
    pool("poolBack", kind, [16, 64, 64]),
  ]);
  const maps = (["abs", "add", "exp", "log", "tanh", "sigmoid", "erf", "sqrt", "recip"] as const).flatMap((op) =>
    [16_384, 4_194_304].map((n) => elementwise(op, n)),
  );
  const sums = [
    sum(65_536, 64, "rows"),
    sum(65_536, 64, "columns"),
    sum(1024, 4096, "rows"),
    sum(1024, 4096, "columns"),
  ];
  return [...squares, ...products, ...geometries.flatMap(all), ...pools, ...maps, ...sums];
}
