import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

// `@fai/source` makes every @fai package resolve to its src folder, so tests need no build.
const conditions = ["@fai/source", ...defaultServerConditions];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["@fai/source", "node"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "tools/**/*.test.ts"],
    // One process a file: native addons keep their state per process, and gc() is at hand for the memory tests.
    pool: "forks",
    execArgv: ["--expose-gc", "--conditions=@fai/source"],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
