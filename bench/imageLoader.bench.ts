/*
 * How fast the image loader decodes and resizes JPEG files of 400 x 300 to 224 x 224, and how fast sharp alone does:
 *
 *   npm run bench -- imageLoader
 *
 * They take turns, so that other work on the machine meets all of them; the medians of the rounds are compared. The loader is to
 * reach a share of 0.9. On a busy machine the share of processor time (`cpuShare`) says more than that of the clock.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AugmentOptions, ImageData } from "@fai/vision";
import sharp from "sharp";

const count = 256;
const rounds = 9;
const size = 224;

/** Smooth random pictures, about as hard to decode as photographs. */
async function makePictures(folder: string): Promise<{ path: string; label: string }[]> {
  const draw = async (i: number) => {
    const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
    const small = await sharp({ create: { width: 60, height: 45, channels: 3, background: "#888888", noise } })
      .png()
      .toBuffer();
    const path = join(folder, `${String(i).padStart(3, "0")}.jpg`);
    await sharp(small).resize(400, 300, { fit: "fill" }).jpeg({ quality: 90 }).toFile(path);
    return { path, label: i % 2 === 0 ? "even" : "odd" };
  };
  return Promise.all(Array.from({ length: count }, (_, i) => draw(i)));
}

/** sharp's own decoding and resizing, 16 at once. */
async function alone(paths: readonly string[]): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < paths.length) await sharp(paths[next++]).resize(size, size).raw().toBuffer();
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

/** An epoch of the loader: decoding, resizing, and batches of 64 ready for the device. */
async function epoch(data: ImageData): Promise<void> {
  for await (const batch of data.train) if (batch.size !== 64) throw new Error(`a batch of ${batch.size} pictures`);
}

/** Milliseconds of the clock and of processor time for each picture. */
async function timed(work: () => Promise<void>): Promise<{ clock: number; cpu: number }> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { clock: (performance.now() - start) / count, cpu: (user + system) / 1000 / count };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

const folder = await mkdtemp(join(tmpdir(), "fai-loader-"));
try {
  const train = await makePictures(folder);
  const load = (augment: AugmentOptions) =>
    ImageData.fromLists({ train, valid: train.slice(0, 2) }, { size, cache: false, augment, seed: 0 });
  const [plain, augmented] = [await load({}), await load({ flip: true, shift: 0.05 })];
  const paths = train.map(({ path }) => path);
  const modes = { sharp: () => alone(paths), loader: () => epoch(plain), augmented: () => epoch(augmented) };
  const names = ["sharp", "loader", "augmented"] as const;
  const times = { sharp: [], loader: [], augmented: [] } as Record<
    (typeof names)[number],
    { clock: number; cpu: number }[]
  >;
  for (let i = 0; i <= rounds; i++) {
    for (const name of names) {
      const time = await timed(modes[name]);
      if (i > 0) times[name].push(time); // the first round warms up
    }
  }
  const middle = (name: (typeof names)[number], what: "clock" | "cpu") => median(times[name].map((time) => time[what]));
  const share = (name: "loader" | "augmented", what: "clock" | "cpu") =>
    Number((middle("sharp", what) / middle(name, what)).toFixed(3));
  for (const name of names) {
    const [clock, cpu] = [middle(name, "clock"), middle(name, "cpu")];
    console.log(
      `${name.padEnd(9)} ${(1000 / clock).toFixed(0).padStart(5)} pictures/s, ${cpu.toFixed(2)} ms of processor time each`,
    );
  }
  const figures = {
    share: share("loader", "clock"),
    cpuShare: share("loader", "cpu"),
    augmentedShare: share("augmented", "clock"),
    augmentedCpuShare: share("augmented", "cpu"),
  };
  console.log(JSON.stringify({ bench: "imageLoader", pictures: count, rounds, ...figures }));
} finally {
  await rm(folder, { recursive: true, force: true });
}
