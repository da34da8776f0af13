import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openWasm, use } from "@fai/tensor";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { build, createServer, defaultClientConditions } from "vite";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { saveShapesModel } from "../../examples/browser/saveShapesModel.js";
import { shapeNames } from "../../examples/browser/shapes.js";
import { loadSketchPredictor } from "../../examples/browser/sketchNet.js";
import { drawCircle, nameless, watch } from "./examplePages.js";
import { hasChromium, openChromium } from "./openChromium.js";
import type { Gaps } from "./page/check.js";
import { type Outcome, trainShapes } from "./page/trainShapes.js";
import { servePages } from "./servePages.js";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const conditions = ["@fai/source", ...defaultClientConditions];
const exampleConfig = at("../../examples/browser/vite.config.ts");

describe.skipIf(!hasChromium())("in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "fai-browser-"));
  const models = join(folder, "models");
  const file = join(models, "shapes.safetensors");
  let browser: Browser;
  let inNode: Outcome;
  /** A predictor that Node trained, in base 64. */
  let predictor: string;

  beforeAll(async () => {
    mkdirSync(models);
    // Browsers know nothing of FAI_ISA: they take the best that they have.
    vi.stubEnv("FAI_ISA", "");
    const backend = use(await openWasm());
    vi.unstubAllEnvs();
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
      publicDir: models,
      logLevel: "error",
      build: { outDir: join(folder, "example") },
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

  // A processor that plays the GPU takes its time.
  it("trains on WebGPU to numbers near those of Node", { timeout: 240_000 }, async () => {
    const outcome = await train(false, "webgpu");
    expect(outcome.device).toBe("webgpu");
    expectNear(outcome.losses.slice(0, 10), inNode.losses.slice(0, 10), 1e-3);
    expectNear(outcome.predictions, inNode.predictions, 1e-4);
    expect(outcome.epochs.at(-1)!.accuracy).toBeGreaterThanOrEqual(0.9);
  });

  /** Opens a page of the example, and fails when anything went wrong on it or it asked for anything elsewhere. */
  async function visit(path: string, look: (page: Page) => Promise<void>, options: BrowserContextOptions = {}) {
    const server = await servePages(join(folder, "example"), { isolated: true });
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const problems = watch(page, server.url);
    try {
      await page.goto(server.url + path);
      await look(page);
      expect(problems).toEqual([]);
    } finally {
      await context.close();
      server.close();
    }
  }

  it("shows shapes on one click, learns them, knows a circle drawn by hand, and saves a model that Node opens", async () => {
    const saved = join(folder, "saved.safetensors");
    await visit("", async (page) => {
      await page.waitForFunction(() => document.documentElement.dataset.device === "wasm");
      expect(await nameless(page)).toEqual([]);
      await page.click("#shapes");
      await page.waitForFunction(() => document.documentElement.dataset.state === "trained");
      expect(Number.parseInt((await page.textContent("#accuracy"))!, 10)).toBeGreaterThanOrEqual(90);
      expect(await page.locator(".tile").count()).toBe(60);
      expect(await nameless(page)).toEqual([]);
      await page.click("#clear");
      await drawCircle(page);
      await page.waitForFunction(() => document.querySelector("#verdict")?.textContent?.startsWith("circle"));
      const download = page.waitForEvent("download");
      await page.click("#save");
      await (await download).saveAs(saved);
    });
    const { preparation } = await loadSketchPredictor(saved);
    expect(preparation.classes).toEqual(shapeNames);
  });

  it("is used by keyboard alone: draws, adds to classes, trains, and asks", async () => {
    await visit("", async (page) => {
      await page.waitForFunction(() => document.documentElement.dataset.device !== undefined);
      await page.focus("#pad");
      const line = async (key: string) => {
        await page.keyboard.press("Space");
        for (let i = 0; i < 5; i++) await page.keyboard.press(key);
        await page.keyboard.press("Space");
      };
      for (let i = 0; i < 3; i++) {
        for (const [index, key] of ["ArrowRight", "ArrowDown"].entries()) {
          await line(key);
          await page.keyboard.press(String(index + 1));
        }
      }
      await page.keyboard.press("t");
      await page.waitForFunction(() => document.documentElement.dataset.state === "trained");
      await line("ArrowLeft");
      await page.waitForFunction(() => document.querySelector("#verdict")?.textContent?.startsWith("sun"));
      await page.keyboard.press("Backspace");
      expect(await page.isVisible("#pad-hint")).toBe(true);
    });
  });

  it("refuses a file that is no model in words, and a finger draws on a phone", async () => {
    const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
    await visit(
      "",
      async (page) => {
        await page.waitForFunction(() => document.documentElement.dataset.device !== undefined);
        await page.setInputFiles("#load", { name: "x.safetensors", mimeType: "", buffer: Buffer.from("no model") });
        await page.waitForFunction(() => document.querySelector("#notice")?.classList.contains("bad"));
        await page.locator("#pad").tap();
        expect(await page.isVisible("#pad-hint")).toBe(false);
        const [inside, wide] = await page.evaluate(() => [document.body.scrollWidth, innerWidth]);
        expect(inside).toBeLessThanOrEqual(wide!);
      },
      phone,
    );
  });

  it.each(["wasm", "webgpu"])("opens what Node trained on the page that only predicts, on %s", async (device) => {
    await visit(`predict.html?device=${device}`, async (page) => {
      await page.waitForFunction(() => document.documentElement.dataset.state === "loaded");
      expect(await nameless(page)).toEqual([]);
      await drawCircle(page);
      await page.waitForFunction(() => parseInt(document.querySelector(".percent")?.textContent ?? "", 10) > 90);
      expect(await page.textContent(".answers b")).toBe("circle");
    });
  });

  it("works on Vite's development server", async () => {
    const server = await createServer({
      configFile: exampleConfig,
      publicDir: models,
      server: { port: 0 },
      logLevel: "error",
    });
    const page = await browser.newPage();
    try {
      await server.listen();
      await page.goto(server.resolvedUrls!.local[0]!);
      await page.waitForFunction(() => document.documentElement.dataset.device === "wasm");
      expect(await page.textContent("#device")).toMatch(/WASM on \d+ threads/);
    } finally {
      await page.close();
      await server.close();
    }
  });
});

/** The kernels are the same WASM in Node and in a page, so the numbers are the same. */
function expectEqual(outcome: Outcome, inNode: Outcome): void {
  expect(outcome.device).toBe("wasm");
  expect(outcome.losses).toEqual(inNode.losses);
  expect(outcome.predictions).toEqual(inNode.predictions);
  expect(outcome.epochs.at(-1)!.accuracy).toBeGreaterThanOrEqual(0.9);
}

/** Another order of sums gives other last digits, and a training makes them grow from step to step. */
function expectNear(values: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(values.length).toBe(expected.length);
  const differences = values.map((value, i) => Math.abs(value - expected[i]!));
  console.log(`largest difference ${Math.max(...differences).toExponential(1)}, allowed ${tolerance}`);
  expect(Math.max(...differences)).toBeLessThan(tolerance);
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
