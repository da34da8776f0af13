import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Generator, manualSeed } from "@fai/tensor";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adam,
  averageWeights,
  type Callback,
  checkpoint,
  earlyStopping,
  linear,
  mixup,
  type Run,
  saveBest,
  sgd,
} from "../../src/index.js";
import { cellsOf, netLearner } from "../points.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "checkpoint-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A run that ends with an error after `last` batches; resumed, it goes on in a learner made anew. */
async function train(
  path: string | undefined,
  last = Number.POSITIVE_INFINITY,
  event: "beforeBatch" | "afterBatch" = "afterBatch",
) {
  const fault: Callback = {
    order: 2e4,
    [event]: (run: Run) => {
      if (run.training && run.step + 1 === last) throw new Error("power cut");
    },
  };
  const learner = netLearner({ optimizer: adam(), modelsDir: folder });
  const callbacks = [
    mixup(),
    averageWeights({ evalEvery: 2 }),
    earlyStopping({ patience: 3 }),
    saveBest("best"),
    fault,
    ...(path ? [checkpoint(path, { every: 3 })] : []),
  ];
  manualSeed(7);
  const rows = await learner.fitOneCycle({ from: 0.01, to: 0.1 }, { epochs: 3, callbacks });
  const table = rows.map(({ seconds, ...row }) => row);
  const { losses, lrs, momenta, smoothed } = learner.history;
  return { table, losses, lrs, momenta, smoothed, cells: await cellsOf(learner.model) };
}

describe("a checkpoint", () => {
  it("lets a run go on with the same bits wherever it stopped, in the middle of epochs and at their ends", async () => {
    const whole = await train(undefined);
    for (const last of [2, 3, 10, 14, 30]) {
      const path = join(folder, `stopped-${last}.safetensors`);
      await expect(train(path, last)).rejects.toThrow("power cut");
      manualSeed(99); // another process starts anywhere
      expect(await train(path)).toEqual(whole);
    }
  });

  it("goes on in a phase with an optimizer of its own", async () => {
    const run = async (path: string | undefined, last = Number.POSITIVE_INFINITY) => {
      const fault: Callback = {
        order: 2e4,
        afterBatch: (run) => {
          if (run.training && run.step + 1 === last) throw new Error("power cut");
        },
      };
      const learner = netLearner({ optimizer: sgd() });
      const phases = [
        { epochs: 1, lr: 0.1 },
        { epochs: 2, lr: linear(0.01, 0.001), optimizer: adam(), wd: 0.01 },
      ];
      manualSeed(7);
      await learner.fitPhases(phases, { callbacks: [fault, ...(path ? [checkpoint(path, { every: 3 })] : [])] });
      return { losses: learner.history.losses, cells: await cellsOf(learner.model) };
    };
    const whole = await run(undefined);
    for (const last of [5, 17, 25]) {
      const path = join(folder, `phases-${last}.safetensors`);
      await expect(run(path, last)).rejects.toThrow("power cut");
      expect(await run(path)).toEqual(whole);
    }
  });

  it("does not count a batch that failed before its step", async () => {
    const whole = await train(undefined);
    const path = join(folder, "failed.safetensors");
    await expect(train(path, 15, "beforeBatch")).rejects.toThrow("power cut");
    expect(await train(path)).toEqual(whole);
  });

  it("of a finished run trains no more, and is refused by another run", async () => {
    const path = join(folder, "finished.safetensors");
    const whole = await train(path);
    expect(await train(path)).toEqual(whole);
    const other = netLearner();
    await expect(other.fit(0.1, { epochs: 2, callbacks: [checkpoint(path)] })).rejects.toThrow(
      /\[checkpoint\] .* is of another run: .*Give each fit a file of its own/,
    );
    await other.fit(0.1, { epochs: 2, callbacks: [checkpoint(path, { resume: false })] });
    expect(other.history.losses).toHaveLength(20);
  });

  it("holds the optimizer of the phase that it is in", async () => {
    const path = join(folder, "phases.safetensors");
    const phased = async (callbacks: Callback[]) => {
      const learner = netLearner({ optimizer: sgd() });
      await learner.fitPhases([{ lr: linear(0, 0.1) }, { lr: 0.01, optimizer: adam() }], { callbacks });
      return cellsOf(learner.model);
    };
    const whole = await phased([]);
    const fault: Callback = {
      order: 2e4,
      afterBatch: (run) => {
        if (run.training && run.step === 14) throw new Error("power cut");
      },
    };
    await expect(phased([checkpoint(path, { every: 4 }), fault])).rejects.toThrow("power cut");
    expect(await phased([checkpoint(path)])).toEqual(whole);
  });

  it("that is cut off, or no checkpoint, is refused", async () => {
    const path = join(folder, "cut.safetensors");
    await train(path);
    const bytes = await readFile(path);
    for (const length of [0, 7, 100, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length));
      await expect(train(path)).rejects.toThrow(/\[loadSafetensors\]/);
    }
    const learner = netLearner();
    await learner.save(path);
    await expect(train(path)).rejects.toThrow("is no checkpoint of a run.");
  });
});

describe("kill -9", () => {
  /** The script as one plain file, in a folder from which it finds the kernels: processes start in a fifth of the time. */
  async function bundle(): Promise<string> {
    const tensor = fileURLToPath(new URL("../../../tensor/", import.meta.url));
    const place = join(folder, "bundle");
    const outfile = join(place, "src", "backends", "cpu", "killedRun.mjs");
    await mkdir(join(place, "src", "backends", "cpu"), { recursive: true });
    for (const part of ["build", "wasm"]) await symlink(join(tensor, part), join(place, part));
    await symlink(join(tensor, "src/backends/cpu/wasmWorker.js"), join(place, "src/backends/cpu/wasmWorker.js"));
    const entry = fileURLToPath(new URL("killedRun.ts", import.meta.url));
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      conditions: ["@fai/source"],
      logLevel: "error",
    });
    return outfile;
  }

  /** What the process printed last; undefined when it was killed, `wait` milliseconds after its step `step`. */
  function start(
    script: string,
    path: string,
    kill?: { step: number; wait: number },
  ): Promise<{ steps: string[]; end: string | undefined }> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [script, path], { stdio: ["ignore", "pipe", "inherit"] });
      let text = "";
      let isDoomed = false;
      child.stdout.on("data", (part: Buffer) => {
        text += part;
        if (!kill || isDoomed || !text.includes("step ")) return;
        if ((text.match(/step \d+\n/g) ?? []).length < kill.step) return;
        isDoomed = true;
        setTimeout(() => child.kill("SIGKILL"), kill.wait);
      });
      child.on("error", reject);
      child.on("close", (code, signal) => {
        if (code !== 0 && signal !== "SIGKILL") reject(new Error(`the run ended with ${code}`));
        const lines = text.trim().split("\n");
        resolve({ steps: lines.filter((line) => line.startsWith("step")), end: code === 0 ? lines.at(-1) : undefined });
      });
    });
  }

  it("20 times at random moments of a run, and every resumed run ends with the same bits", async () => {
    const script = await bundle();
    const whole = await start(script, join(folder, "whole.safetensors"));
    expect(whole.steps).toHaveLength(40);
    const random = new Generator(11);
    let kills = 0;
    // Each chain is one run, killed and resumed several times before it may end; a resumed run is killed like the first.
    const chain = async (k: number) => {
      const own = join(folder, `chain-${k}`);
      await mkdir(own);
      const path = join(own, "run.safetensors");
      for (;;) {
        const wanted = kills < 20 && (await readdir(own)).length < 50;
        const { end } = await start(
          script,
          path,
          wanted ? { step: 1 + random.below(6), wait: random.uniform() * 12 } : undefined,
        );
        if (end === undefined) {
          kills++;
          continue;
        }
        expect(end).toBe(whole.end);
        expect(await readdir(own)).toEqual(["run.safetensors"]); // what a killed writing left is gone
        return;
      }
    };
    for (let k = 0; kills < 20; k += 2) await Promise.all([chain(k), chain(k + 1)]);
    expect(kills).toBeGreaterThanOrEqual(20);
  });
});
