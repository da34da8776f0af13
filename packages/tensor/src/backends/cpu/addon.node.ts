import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HostArray } from "../../dtype.js";

/** The addon's functions; positions and sizes are integers in lines, `backend` is what `open` returned. */
export interface Addon {
  supports(isa: string): boolean;
  open(isa: string, threads: number, reserveBytes: number, completed: () => void): object;
  close(backend: object): void;
  capacity(backend: object): number;
  commit(backend: object, lines: number): boolean;
  discard(backend: object, line: number, lines: number): void;
  write(backend: object, line: number, data: HostArray): void;
  read(backend: object, line: number, into: HostArray): void;
  run(backend: object, program: number, words: number, block: number, scalars: number, workspace: number): number;
  enqueue(backend: object, program: number, words: number, block: number, scalars: number, workspace: number): void;
  completed(backend: object): number;
  hold(backend: object, busy: boolean): void;
  placeCode(code: Uint8Array): number;
  freeCode(address: number, bytes: number): void;
}

/** What lies at one of the places where an addon may be: its file, nothing (and why), or something that must not be loaded. */
export interface Place {
  /** In words, such as "the package @fai/tensor-linux-x64". */
  name: string;
  file?: string;
  /** Why there is no file. */
  absent?: string;
  /** Why the file that is there is none for this process. */
  unfit?: string;
}

/** The first addon that loads; and what was found before it, or instead of it. */
export interface FoundAddon {
  addon?: Addon;
  /** The name of the addon's place. */
  from?: string;
  /** One line for each place without an addon. */
  absent: string[];
  /** One line for each addon that is there and does not load: somebody should mend these. */
  broken: { reason: string; cause?: unknown }[];
}

// From src/backends/cpu as from dist/backends/cpu.
const packageFolder = fileURLToPath(new URL("../../../", import.meta.url));
const requireHere = createRequire(import.meta.url);
const fileName = "fai-cpu.node";

/** Where an addon may be, in the order in which they are tried: built here (by `npm run setup` or `fai-build-native`), installed. */
export function addonPlaces(): Place[] {
  const name = "the build in the package's folder";
  const file = join(packageFolder, "build", fileName);
  const built = existsSync(file) ? { name, file } : { name, absent: "is not there" };
  return [built, installedPlace(versionOf(join(packageFolder, "package.json")))];
}

/** `platform-arch`, with `-musl` on Linux systems without glibc: the end of the name of a package with a prebuilt addon. */
export function platformName(executable = process.execPath): string {
  const name = `${process.platform}-${process.arch}`;
  return process.platform === "linux" && usesMusl(executable) ? `${name}-musl` : name;
}

/** Whether a program's dynamic loader, which its first page names, is musl's. */
function usesMusl(executable: string): boolean {
  const page = Buffer.alloc(4096);
  const file = openSync(executable, "r");
  readSync(file, page);
  closeSync(file);
  return page.includes("ld-musl-");
}

function installedPlace(version: string): Place {
  const target = platformName();
  const packageName = `@fai/tensor-${target}`;
  const name = `the package ${packageName}`;
  let manifest: string;
  try {
    manifest = requireHere.resolve(`${packageName}/package.json`);
  } catch {
    return { name, absent: "is not installed" };
  }
  return placeOfPackage(name, manifest, version);
}

/** What a platform package, by the path of its package.json, holds for `version` of this one. */
export function placeOfPackage(name: string, manifestPath: string, version: string): Place {
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));
  const file = join(manifestPath, "..", fileName);
  if (!existsSync(file)) return { name, unfit: `lacks its file ${fileName}` };
  if (manifest.version !== version) {
    return { name, unfit: `is version ${manifest.version}, but @fai/tensor is ${version}` };
  }
  // Loading a file that was cut off would end the process.
  const { size } = statSync(file);
  if (size !== manifest.addonBytes) return { name, unfit: `has ${size} bytes in place of ${manifest.addonBytes}` };
  return { name, file };
}

/** A bundle has left its package.json behind. @returns the version, or "unknown" */
function versionOf(manifest: string): string {
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).version : "unknown";
}

/** Loads the first addon of `places` that the system can load; nothing is thrown. */
export function findAddon(places: readonly Place[]): FoundAddon {
  const found: FoundAddon = { absent: [], broken: [] };
  for (const { name, file, absent, unfit } of places) {
    if (absent !== undefined) found.absent.push(`${name} ${absent}`);
    else if (file === undefined) found.broken.push({ reason: `${name} ${unfit}` });
    else {
      try {
        found.addon = requireHere(file) as Addon;
        found.from = name;
        return found;
      } catch (cause) {
        // The system's own words: a library or a version of glibc that is missing, a file for another processor.
        found.broken.push({ reason: `${name} does not load (${(cause as Error).message.split("\n")[0]})`, cause });
      }
    }
  }
  return found;
}
