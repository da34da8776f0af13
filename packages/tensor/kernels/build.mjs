// Builds the Node-API addon build/fai-cpu.node with the machine's C++ compiler ($CXX, else c++). What did not change
// since the last build is not compiled again. Exits with 1 when it could not build; without the addon WASM runs.
import { fileURLToPath } from "node:url";
import { buildAddon } from "./buildAddon.mjs";

try {
  const folder = fileURLToPath(new URL("../build/", import.meta.url));
  const { seconds } = await buildAddon({ compiler: process.env.CXX || "c++", folder });
  if (seconds === undefined) console.log("the native kernels are up to date");
  else console.log(`built the native kernels in ${seconds.toFixed(1)} s`);
} catch (error) {
  console.error(
    `The native kernels were not built, the WASM kernels will run: ${/** @type {Error} */ (error).message}`,
  );
  process.exitCode = 1;
}
