/** As a page's bundler would: one file a chunk, and Node's modules left to Node. @param {import("esbuild").BuildOptions} config */
const asPage = (config) => ({ ...config, format: "esm", splitting: true, external: ["node:*"], logLevel: "error" });

/** All three entry points together, their shared code counted once; `.wasm` files are fetched, not bundled. */
export default [
  {
    name: "@fai/tensor, all entry points, without the WASM",
    path: ["packages/tensor/dist/index.js", "packages/tensor/dist/nn/index.js", "packages/tensor/dist/io/index.js"],
    limit: "80 KB",
    gzip: true,
    modifyEsbuildConfig: asPage,
  },
  {
    name: "a page that only predicts with one model (examples/browser/predict.html), without weights and WASM",
    path: "examples/browser/predict.ts",
    limit: "60 KB",
    gzip: true,
    modifyEsbuildConfig: asPage,
  },
];
