import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";

const require = createRequire(import.meta.url);
let made: Promise<GPU> | undefined;

/**
 * WebGPU without a GPU, from npm packages alone: Dawn (`webgpu`) on SwiftShader, a Vulkan driver that runs on the processor,
 * which `@sparticuz/chromium` carries. Throws when something is missing: the lane fails then, it is never skipped.
 */
export function softwareGpu(): Promise<GPU> {
  return (made ??= open());
}

async function open(): Promise<GPU> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`SwiftShader comes for Linux on x64, this is ${process.platform} on ${process.arch}.`);
  }
  const folder = unpacked();
  process.env.VK_ICD_FILENAMES = join(folder, "vk_swiftshader_icd.json");
  const { default: koffi } = await import("koffi");
  // Dawn asks the loader for libvulkan.so.1 by name, and finds the one that is already there.
  koffi.load(join(folder, "libvulkan.so.1"), { global: true });
  const { create } = await import("webgpu");
  return create([]);
}

/** The folder with SwiftShader's files, unpacked once a version. */
function unpacked(): string {
  const home = dirname(dirname(dirname(require.resolve("@sparticuz/chromium"))));
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { version: string };
  const folder = join(tmpdir(), `fai-swiftshader-${version}`);
  if (existsSync(folder)) return folder;
  const fresh = mkdtempSync(join(tmpdir(), "fai-swiftshader-"));
  for (const [name, content] of filesOf(brotliDecompressSync(readFileSync(join(home, "bin/swiftshader.tar.br"))))) {
    mkdirSync(dirname(join(fresh, name)), { recursive: true });
    writeFileSync(join(fresh, name), content, { mode: 0o755 });
  }
  try {
    renameSync(fresh, folder);
  } catch (error) {
    // Another process was faster.
    rmSync(fresh, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** The regular files of a tar archive. */
function* filesOf(tar: Buffer): Generator<[name: string, content: Buffer]> {
  const text = (from: number, length: number) => tar.toString("latin1", from, from + length).replace(/\0.*$/s, "");
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const kind = text(at + 156, 1);
    if (kind === "0" || kind === "") yield [text(at, 100), tar.subarray(at + 512, at + 512 + size)];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
