import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { type Browser, chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Where Debian, Ubuntu and macOS keep the Chromium or Chrome that somebody installed. */
const installed = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** A browser to start, and the environment that it needs. */
interface Executable {
  readonly path: string;
  readonly env: Record<string, string>;
}

/** The npm package's browser is built for Linux on x64. */
const carriesBrowser = process.platform === "linux" && process.arch === "x64";

/** Whether there is a browser to start; where $FAI_BROWSER asks for one, opening it says what is missing. */
export function hasChromium(): boolean {
  return Boolean(process.env.FAI_BROWSER) || carriesBrowser || installed.some((path) => existsSync(path));
}

/**
 * Starts a headless Chromium with WebGPU on the processor (SwiftShader): the one that $FAI_BROWSER names ("installed": the
 * machine's own), else the npm package's, else the machine's own. Throws when there is none.
 */
export async function openChromium(): Promise<Browser> {
  const { path, env } = find(process.env.FAI_BROWSER);
  return chromium.launch({
    executablePath: path,
    env: { ...process.env, ...env } as Record<string, string>,
    args: [
      // Containers run as root and have neither a sandbox nor much /dev/shm.
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--enable-features=Vulkan",
    ],
  });
}

function find(asked: string | undefined): Executable {
  if (asked !== undefined && asked !== "" && asked !== "installed") {
    if (existsSync(asked)) return { path: asked, env: {} };
    throw new Error(`FAI_BROWSER is ${asked}, and there is no such file. Leave it out, or give a Chromium's path.`);
  }
  if (asked !== "installed" && carriesBrowser) return unpacked();
  const path = installed.find((candidate) => existsSync(candidate));
  if (path !== undefined) return { path, env: {} };
  throw new Error("No Chromium here. Install one (Debian: apt-get install chromium), or name its path in FAI_BROWSER.");
}

/** The npm package's browser with the libraries and fonts it needs, unpacked once into node_modules/.cache. */
function unpacked(): Executable {
  const manifest = createRequire(import.meta.url).resolve("@sparticuz/chromium");
  const packed = join(dirname(manifest), "..", "..", "bin");
  const { version } = JSON.parse(readFileSync(join(packed, "..", "package.json"), "utf8")) as { version: string };
  const cache = join(root, "node_modules", ".cache");
  const folder = join(cache, `chromium-${version}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    // Whole or not at all: two runs may be doing this at once.
    const making = mkdtempSync(join(cache, "chromium-"));
    const read = (name: string) => brotliDecompressSync(readFileSync(join(packed, name)));
    writeFileSync(join(making, "chromium"), read("chromium.br"));
    chmodSync(join(making, "chromium"), 0o755);
    for (const name of ["swiftshader.tar.br", "fonts.tar.br", "al2023.tar.br"]) {
      execFileSync("tar", ["-xf", "-", "-C", making], { input: read(name) });
    }
    try {
      renameSync(making, folder);
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      if (!existsSync(folder)) throw error;
    }
  }
  const libraries = [join(folder, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":");
  return {
    path: join(folder, "chromium"),
    env: { LD_LIBRARY_PATH: libraries, FONTCONFIG_PATH: join(folder, "fonts") },
  };
}
