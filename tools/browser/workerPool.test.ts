import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { build, defaultClientConditions } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, openChromium } from "./openChromium.js";
import { servePages } from "./servePages.js";

describe.skipIf(!hasChromium())("a worker pool on a page", () => {
  const folder = mkdtempSync(join(tmpdir(), "fai-pool-"));
  let browser: Browser;

  beforeAll(async () => {
    await build({
      configFile: false,
      root: fileURLToPath(new URL("./poolPage", import.meta.url)),
      base: "./",
      resolve: { conditions: ["@fai/source", ...defaultClientConditions] },
      worker: { format: "es" },
      logLevel: "error",
      build: { outDir: folder, emptyOutDir: true, target: "es2022" },
    });
    browser = await openChromium();
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("transforms beside the page, to the same bits for any number of threads, and names what fails", async () => {
    const server = await servePages(folder, { isolated: false });
    const page = await browser.newPage();
    try {
      await page.goto(server.url);
      await page.waitForFunction(() => window.runPool !== undefined);
      const { isWorker, equal, failure, unloadable, ticks } = await page.evaluate(() => window.runPool());
      expect([isWorker, equal]).toEqual([true, [true, true]]);
      expect(failure).toMatch(/^\[workerPool\] the transform of .* failed: 13 brings bad luck$/);
      expect(unloadable).toMatch(/^\[workerPool\] .*nowhere\.js could not be loaded: /);
      expect(ticks).toBeGreaterThan(0);
    } finally {
      await page.close();
      server.close();
    }
  });
});
