import { defineConfig } from "tsup";

/**
 * The one tsup configuration of all packages: ESM with source maps, chunks shared between the entry points.
 * Declarations come from tsc instead (`tsconfig.build.json`), because only tsc writes declaration maps.
 */
export function packageConfig(entry: Record<string, string>) {
  return defineConfig({
    entry,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    splitting: true,
    sourcemap: true,
    dts: false,
    clean: true,
    tsconfig: "tsconfig.build.json",
    // `#` names are chosen by whoever loads the package (package.json "imports"), not when it is built.
    external: [/^node:/, /^#/],
    // `fs` instead of `node:fs` would look like a package to a bundler.
    removeNodeProtocol: false,
  });
}
