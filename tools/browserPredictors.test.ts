import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The files of ours that a page gets which imports `specifier`. */
async function filesInPage(specifier: string): Promise<string[]> {
  const { metafile } = await build({
    stdin: { contents: `export * from "${specifier}";`, resolveDir: root },
    bundle: true,
    write: false,
    outdir: root,
    format: "esm",
    platform: "browser",
    conditions: ["@fai/source"],
    absWorkingDir: root,
    metafile: true,
    logLevel: "silent",
  });
  return Object.keys(metafile.inputs);
}

/** The domains that are built: those with models. */
const domains = readdirSync(`${root}/packages`).filter((name) => existsSync(`${root}/packages/${name}/src/models`));

test.each(domains)("a page that predicts with @fai/%s loads no Node code and no training code", async (name) => {
  const files = await filesInPage(`@fai/${name}/models`);
  const train = files.filter((file) => file.includes("packages/train/"));
  expect(train.sort()).toEqual(
    ["download", "lossActivation", "predictor", "storage.browser"].map((file) => `packages/train/src/${file}.ts`),
  );
  expect(files.filter((file) => /\.node\.[jt]s$|^node:/.test(file))).toEqual([]);
  expect(files).toContain(`packages/${name}/src/models/index.ts`);
});
