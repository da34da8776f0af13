import { openSync, readFileSync, readSync } from "node:fs";

/** @type {Record<number, string>} */
const elfMachines = { 62: "linux-x64", 183: "linux-arm64" };
/** @type {Record<number, string>} */
const machoMachines = { 16777223: "darwin-x64", 16777228: "darwin-arm64" };
/** @type {Record<number, string>} */
const peMachines = { 34404: "win32-x64", 43620: "win32-arm64" };

/**
 * What a shared library is made for, by its header (ELF, Mach-O of one processor, PE): `linux-x64` and so on, or undefined.
 * @param {string} path
 */
export function binaryTarget(path) {
  const head = Buffer.alloc(4096);
  readSync(openSync(path, "r"), head);
  if (head.readUInt32BE(0) === 0x7f454c46) return elfMachines[head.readUInt16LE(18)];
  if (head.readUInt32LE(0) === 0xfeedfacf) return machoMachines[head.readUInt32LE(4)];
  if (head.toString("latin1", 0, 2) !== "MZ") return undefined;
  const header = head.readUInt32LE(60);
  return header < 4000 && head.toString("latin1", header, header + 2) === "PE"
    ? peMachines[head.readUInt16LE(header + 4)]
    : undefined;
}

/** The newest glibc 2.x that an ELF library asks for, as x; 0 when it asks for none. @param {string} path */
export function neededGlibc(path) {
  const versions = readFileSync(path, "latin1").matchAll(/GLIBC_2\.(\d+)/g);
  return Math.max(0, ...[...versions].map((match) => Number(match[1])));
}
