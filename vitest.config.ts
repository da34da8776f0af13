import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

// `@fai/source` makes every @fai package resolve to its src folder, so tests need no build.
const conditions = ["@fai/source", ...defaultServerConditions];

const webgpuTests = "packages/*/test/webgpu/**/*.test.ts";
const lanes = [
  {
    extends: true as const,
    test: {
      name: "cpu",
      include: ["packages/*/test/**/*.test.ts", "tools/**/*.test.ts"],
      exclude: ["**/node_modules/**", webgpuTests],
    },
  },
  {
    extends: true as const,
    test: {
      name: "webgpu",
      include: [
        webgpuTests,
        "packages/tensor/test/conformance/*.test.ts",
        "packages/tensor/test/kernels/{map,reduce,matmul,conv,rows}.test.ts",
        "packages/tensor/test/random*.test.ts",
      ],
      env: { FAI_TEST_DEVICE: "webgpu" },
      testTimeout: 120_000,
    },
  },
];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["@fai/source", "node"] } },
  test: {
    // A run that asks for one CPU backend is about that one.
    projects: process.env.FAI_BACKEND ? lanes.slice(0, 1) : lanes,
    // One process a file: native addons keep their state per process, and gc() is at hand for the memory tests.
    pool: "forks",
    execArgv: ["--expose-gc", "--conditions=@fai/source"],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
