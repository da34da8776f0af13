/** All three entry points together, their shared code counted once; `.wasm` files are fetched, not bundled. */
export default [
  {
    name: "@fai/tensor, all entry points, without the WASM",
    path: ["packages/tensor/dist/index.js", "packages/tensor/dist/nn/index.js", "packages/tensor/dist/io/index.js"],
    limit: "80 KB",
    gzip: true,
    /** @param {import("esbuild").BuildOptions} config */
    modifyEsbuildConfig: (config) => ({
      ...config,
      format: "esm",
      splitting: true,
      external: ["node:*"],
      logLevel: "error",
    }),
  },
];
