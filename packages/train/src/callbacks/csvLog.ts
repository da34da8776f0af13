import { appendText, hasFile } from "#storage";
import type { Callback } from "../callback.js";
import type { EpochRow } from "../run.js";

/** Writes a line an epoch to a CSV file (or a function that takes text): epoch, trainLoss, validLoss, the metrics, seconds. */
export function csvLog(to: string | ((text: string) => void | Promise<void>)): Callback {
  const write = typeof to === "string" ? (text: string) => appendText(to, text) : to;
  let columns = "";
  return {
    order: 90,
    afterEpoch: async (run) => {
      const row = run.history.rows[run.epoch];
      if (!row) return; // cancelled before its end
      const header = ["epoch", "trainLoss", "validLoss", ...Object.keys(row.metrics), "seconds"].map(quote).join(",");
      // A run that goes on with an older file, as after a crash, has its header already.
      const isNew = columns === "" ? typeof to !== "string" || !hasFile(to) : columns !== header;
      columns = header;
      await write(`${isNew ? `${header}\n` : ""}${values(row).join(",")}\n`);
    },
  };
}

function values({ epoch, trainLoss, validLoss, metrics, seconds }: EpochRow): (number | string)[] {
  const present = (value: number) => (Number.isNaN(value) ? "" : value);
  return [epoch, present(trainLoss), present(validLoss), ...Object.values(metrics).map(present), seconds.toFixed(3)];
}

function quote(name: string): string {
  return /[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
