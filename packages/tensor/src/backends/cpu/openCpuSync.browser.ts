import type { Backend } from "../../backend.js";
import { TensorError } from "../../errors.js";

/** Always throws: a browser compiles WASM asynchronously. It stands alone, so that a page on WebGPU does not load the CPU backend. */
export function openCpuSync(): Backend {
  throw new TensorError(
    "cpu",
    "no backend is open. In a browser, `use(await openCpu())` once, before the first result.",
  );
}
