import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openWasm, use } from "@fai/tensor";
import type { Browser } from "playwright-core";
import { build, defaultClientConditions } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { saveShapesModel } from "../../examples/browser/saveShapesModel.js";
import { hasChromium, openChromium } from "./openChromium.js";
import type { Gaps } from "./page/check.js";
import { type Outcome, trainShapes } from "./page/trainShapes.js";
import { servePages } from "./servePages.js";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const conditions = ["@fai/source", ...defaultClientConditions];
const exampleConfig = at("../../examples/browser/vite.config.ts");

describe.skipIf(!hasChromium())("in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "fai-browser-"));
  const file = join(folder, "shapes.safetensors");
  let browser: Browser;
  let inNode: Outcome;
  /** A predictor that Node trained, in base 64. */
  let predictor: string;

  beforeAll(async () => {
    const backend = use(await openWasm());
    await saveShapesModel(file);
    predictor = readFileSync(file).toString("base64");
    inNode = await trainShapes(backend, "Node", predictor);
    await build({
      configFile: false,
      root: at("./page"),
      base: "./",
      resolve: { conditions },
      worker: { format: "es" },
      logLevel: "error",
      build: { outDir: join(folder, "check"), target: "es2022" },
    });
    await build({
      configFile: exampleConfig,
      publicDir: folder,
      logLevel: "error",
      build: { outDir: join(folder, "example"), copyPublicDir: false },
    });
    browser = await openChromium();
    console.log(`Chromium ${browser.version()}`);
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Trains in a worker of the check page. */
  async function train(isolated: boolean, device: "wasm" | "webgpu"): Promise<Outcome & Gaps> {
    const server = await servePages(join(folder, "check"), { isolated });
    const page = await browser.newPage();
    try {
      await page.goto(server.url);
      await page.waitForFunction(() => window.check !== undefined);
      const outcome = await page.evaluate((work) => window.check.train(work), { device, predictor });
      report(outcome);
      return outcome;
    } finally {
      await page.close();
      server.close();
    }
  }

  it("trains on WASM threads to the numbers of Node, where the page is isolated", async () => {
    const outcome = await train(true, "wasm");
    expect(outcome.words).toMatch(/^WASM on \d+ threads$/);
    expectEqual(outcome, inNode);
  });

  it("trains on one WASM thread to the same numbers, where it is not", async () => {
    const outcome = await train(false, "wasm");
    expect(outcome.words).toBe("WASM on one thread");
    expectEqual(outcome, inNode);
  });
});

/** The kernels are the same WASM in Node and in a page, so the numbers are the same. */
function expectEqual(outcome: Outcome, inNode: Outcome): void {
  expect(outcome.device).toBe("wasm");
  expect(outcome.losses).toEqual(inNode.losses);
  expect(outcome.predictions).toEqual(inNode.predictions);
  expect(outcome.epochs.at(-1)!.accuracy).toBeGreaterThanOrEqual(0.9);
}

function report({ words, epochs, seconds, longestFrame, longestTimer, frames }: Outcome & Gaps): void {
  const good = epochs.find(({ accuracy }) => accuracy >= 0.9);
  const figures = {
    device: words,
    accuracy: epochs.at(-1)!.accuracy,
    seconds,
    secondsTo90Percent: good?.seconds,
    frames,
    longestFrameMs: longestFrame,
    longestTimerMs: longestTimer,
  };
  console.log(JSON.stringify(figures, (_, value) => (typeof value === "number" ? Number(value.toFixed(3)) : value)));
}
