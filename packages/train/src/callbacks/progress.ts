import type { Callback } from "../callback.js";
import type { EpochRow, Run } from "../run.js";

/** Where progress is shown: a terminal's stream, or anything that takes text. */
export interface ProgressStream {
  write(text: string): unknown;
  /** Whether the last line may be drawn over. */
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Options of `progress`. */
export interface ProgressOptions {
  /** The process's standard output, or the console in browsers. */
  stream?: ProgressStream;
}

const barWidth = 24;
/** Drawing more often than 10 times a second only costs time. */
const drawEveryMilliseconds = 100;

/**
 * Shows a run: a live bar with the loss and the time left, and a table row an epoch (epoch, train loss, valid loss, metrics,
 * time). Where nothing can be drawn over, such as a file, only the rows are written.
 */
export function progress({ stream = defaultStream() }: ProgressOptions = {}): Callback {
  const live = stream.isTTY === true;
  let header = false;
  let drawn = 0;
  let epochStart = 0;
  const clear = () => live && stream.write("\r\x1b[K");
  return {
    order: 100,
    beforeFit: () => {
      header = false;
    },
    beforeEpoch: () => {
      epochStart = performance.now();
      drawn = 0;
    },
    afterBatch: (run) => {
      const now = performance.now();
      if (!live || now - drawn < drawEveryMilliseconds) return;
      drawn = now;
      stream.write(`\r\x1b[K${bar(run, (now - epochStart) / 1000, stream.columns ?? 80)}`);
    },
    afterEpoch: (run) => {
      clear();
      const row = run.history.rows[run.epoch];
      if (!row) return; // cancelled before its end
      if (!header) stream.write(`${tableHeader(row)}\n`);
      header = true;
      stream.write(`${tableRow(row)}\n`);
    },
    afterFit: () => {
      clear();
    },
  };
}

function defaultStream(): ProgressStream {
  const out = (globalThis as { process?: { stdout?: ProgressStream } }).process?.stdout;
  return out ?? { write: (text) => console.log(text.trimEnd()) };
}

function bar(run: Run, seconds: number, columns: number): string {
  const of = run.training ? run.batches : (run.learner.data.valid?.length ?? 1);
  const done = Math.min(of, run.batch + 1);
  const share = done / Math.max(1, of);
  const cells = share * barWidth;
  const filled = "█".repeat(Math.floor(cells)) + (cells % 1 >= 0.5 ? "▌" : "");
  const left = run.training && share > 0 ? ` ${clock((seconds / share) * (1 - share))} left` : "";
  const loss = run.training && Number.isFinite(run.trainLoss) ? ` loss ${run.trainLoss.toFixed(4)}` : "";
  const label = run.training ? `epoch ${run.epoch + 1}/${run.epochs}` : "validating";
  return `${label} ${filled.padEnd(barWidth, "░")} ${done}/${of}${loss}${left}`.slice(0, columns - 1);
}

function tableHeader({ metrics }: EpochRow): string {
  return ["epoch", "train loss", "valid loss", ...Object.keys(metrics), "time"]
    .map((name, i) => name.padStart(width(name, i)))
    .join("  ");
}

function tableRow({ epoch, trainLoss, validLoss, metrics, seconds }: EpochRow): string {
  const number = (value: number) => (Number.isFinite(value) ? value.toFixed(4) : "-");
  const cells: [string, string][] = [
    ["epoch", String(epoch)],
    ["train loss", number(trainLoss)],
    ["valid loss", number(validLoss)],
  ];
  for (const [name, value] of Object.entries(metrics)) cells.push([name, number(value)]);
  cells.push(["time", clock(seconds)]);
  return cells.map(([name, text], i) => text.padStart(width(name, i))).join("  ");
}

function width(name: string, column: number): number {
  return column === 0 ? 5 : Math.max(name.length, 6);
}

/** Seconds as m:ss. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
