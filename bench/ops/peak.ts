import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Answerer, answerer } from "./answerer.js";

/**
 * The machine's floating-point peak, measured by a kernel of nothing but multiply-adds on registers (peak.cc, built with $CXX, else c++):
 * a request "THREADS MILLISECONDS" is answered with GFLOP/s. WASM is held against the machine, not against itself.
 */
export function startPeak(isa: string, clock: "clock" | "cpu" = "clock"): Answerer {
  const folder = mkdtempSync(join(tmpdir(), "fai-peak-"));
  const program = join(folder, "peak");
  const source = fileURLToPath(new URL("peak.cc", import.meta.url));
  execFileSync(process.env.CXX ?? "c++", ["-O2", "-std=c++17", "-pthread", source, "-o", program], {
    stdio: "inherit",
  });
  const { ask, stop } = answerer(program, [isa === "simd128" || isa === "relaxed" ? "avx2" : isa, clock]);
  return {
    ask,
    stop() {
      stop();
      rmSync(folder, { recursive: true });
    },
  };
}
