/*
 * Two pages: one in which a network learns drawings, live, and one that only predicts with what Node trained here first.
 *
 *   npm run example -- browser
 *   options: --port 5173 --build (what a site would get, served from out/browser) --single (no COOP/COEP headers: one thread)
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { backend, manualSeed } from "@fai/tensor";
import { build, createServer, preview } from "vite";
import { saveShapesModel } from "./browser/saveShapesModel.js";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "5173" },
    build: { type: "boolean", default: false },
    single: { type: "boolean", default: false },
  },
});
if (values.single) process.env.FAI_ISOLATED = "0";
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const folder = at("../out/browser-model");
const model = join(folder, "shapes.safetensors");
if (!existsSync(model)) {
  mkdirSync(folder, { recursive: true });
  manualSeed(0);
  const { accuracy, seconds } = await saveShapesModel(model);
  console.log(`trained a network on six shapes in ${seconds.toFixed(1)} s: ${(100 * accuracy).toFixed(1)} % right`);
}
await backend().close();

const configFile = at("./browser/vite.config.ts");
const port = Number(values.port);
let urls: { local: string[] } | null;
if (values.build) {
  await build({ configFile, logLevel: "warn" });
  urls = (await preview({ configFile, preview: { port } })).resolvedUrls;
} else {
  const server = await createServer({ configFile, server: { port } });
  await server.listen();
  urls = server.resolvedUrls;
}
const [url] = urls?.local ?? [];
console.log(`The page: ${url}   The page that only predicts: ${url}predict.html   Ctrl-C ends.`);
console.log(JSON.stringify({ example: "browser", url, model }));
