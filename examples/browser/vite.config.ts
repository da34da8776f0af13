import { fileURLToPath } from "node:url";
import { defaultClientConditions, defineConfig } from "vite";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** With these two headers a page is cross-origin isolated, and WASM may use threads. */
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

// FAI_ISOLATED=0 serves the page as a host does that sends no headers: WASM then runs on one thread.
const headers = process.env.FAI_ISOLATED === "0" ? {} : isolation;

export default defineConfig({
  root: at("."),
  // Relative addresses: the build may be put into any folder of a site.
  base: "./",
  // In this repository the packages are read from their sources; a page of your own needs no condition.
  resolve: { conditions: ["@fai/source", ...defaultClientConditions] },
  // What examples/browser.ts trained.
  publicDir: at("../../out/browser-model"),
  worker: { format: "es" },
  server: { headers },
  preview: { headers },
  build: {
    outDir: at("../../out/browser"),
    emptyOutDir: true,
    target: "es2022",
    // Scripts are few and close by: the code that loads them ahead would be larger than what it saves.
    modulePreload: false,
    rolldownOptions: { input: [at("index.html"), at("predict.html")] },
  },
});
