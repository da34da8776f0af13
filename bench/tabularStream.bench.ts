/*
 * 5 million rows of 20 columns (10 of texts, 9 of numbers with gaps, the target) from an Arrow file, record batch by record batch: the
 * prep fitted and applied to every row, then an epoch of training.
 *
 *   npm run bench -- tabularStream
 *
 * The file (about 600 MB) is made in the folder for temporary files and goes afterwards.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  StreamedRows,
  streamArrow,
  type Table,
  TabularModel,
  TabularPrep,
  tableOf,
  writeArrowStream,
} from "@fai/tabular";
import { Generator, manualSeed } from "@fai/tensor";
import { mse } from "@fai/tensor/nn";
import { adam, fit as train } from "@fai/train";

const [batchRows, batches] = [100_000, 50];
const rows = batchRows * batches;
const texts = Array.from({ length: 10 }, (_, i) => `text${i}`);
const numbers = Array.from({ length: 9 }, (_, i) => `number${i}`);

/** One record batch; the file repeats it. */
function makeBatch(): Table {
  const generator = new Generator(0);
  const columns = [
    ...texts.map(
      (name, i) => [name, Array.from({ length: batchRows }, () => `value ${generator.below(5 * 2 ** i)}`)] as const,
    ),
    ...numbers.map(
      (name) =>
        [
          name,
          Float64Array.from({ length: batchRows }, () => (generator.below(50) === 0 ? Number.NaN : generator.normal())),
        ] as const,
    ),
    ["target", Float64Array.from({ length: batchRows }, () => generator.normal())] as const,
  ];
  return tableOf(Object.fromEntries(columns));
}

const folder = await mkdtemp(join(tmpdir(), "fai-stream-"));
const path = join(folder, "rows.arrow");
const peak = () => Math.round(process.resourceUsage().maxRSS / 1024);
try {
  const batch = makeBatch();
  await writeArrowStream(
    path,
    Array.from({ length: batches }, () => batch),
  );
  const fileMegabytes = Math.round((await stat(path)).size / 2 ** 20);
  const start = performance.now();
  const prep = await TabularPrep.fitStream(streamArrow(path), {
    categorical: texts,
    continuous: numbers,
    target: "target",
  });
  const fitted = performance.now();
  let prepared = 0;
  for await (const table of streamArrow(path)) prepared += prep.apply(table, { target: true }).rows;
  const done = performance.now();
  const preparedPeak = peak();
  manualSeed(0);
  const model = new TabularModel(prep, { layers: [32] });
  const source = new StreamedRows(() => streamArrow(path), prep, { rows, batchSize: 8192, shuffle: true });
  const [row] = await train(model, { train: source }, { epochs: 1, optimizer: adam({ lr: 1e-3 }), loss: mse });
  const seconds = (from: number, to: number) => Number(((to - from) / 1000).toFixed(1));
  const figures = {
    bench: "tabularStream",
    rows: prepared,
    columns: 20,
    file_mb: fileMegabytes,
    fit_s: seconds(start, fitted),
    apply_s: seconds(fitted, done),
    prepare_s: seconds(start, done),
    peak_mb: preparedPeak,
    epoch_s: Number(row!.seconds.toFixed(1)),
    epoch_peak_mb: peak(),
  };
  console.log(JSON.stringify(figures));
} finally {
  await rm(folder, { recursive: true });
}
