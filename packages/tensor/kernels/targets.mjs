import { kernelFlags } from "./sources.mjs";

/** @typedef {{ name: string, source: string, flags: string[] }} Unit an object file: its source, and how it is compiled */
/** @typedef {{ units: Unit[], link: string[] }} Target */

/** The platforms that packages with a prebuilt addon are made for, as `platform-arch`; Linux means glibc. */
export const prebuiltTargets = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64", "win32-arm64"];

const runtime = ["-std=c++17", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"];
const avx512 = ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma", "-mprefer-vector-width=512"];

/** The kernels of each processor, once for each instruction set. @type {Record<string, { name: string, flags: string[] }[]>} */
const kernelUnits = {
  x64: [
    { name: "kernels512", flags: [...avx512, "-DFAI_ISA=avx512"] },
    { name: "kernels256", flags: ["-mavx2", "-mfma", "-DFAI_ISA=avx2"] },
  ],
  arm64: [{ name: "kernelsNeon", flags: ["-DFAI_ISA=neon"] }],
};

// The oldest macOS that Node 20 runs on.
/** @type {Record<string, string[]>} */
const appleMachine = {
  x64: ["-arch", "x86_64", "-mmacosx-version-min=10.15"],
  arm64: ["-arch", "arm64", "-mmacosx-version-min=11.0"],
};

/**
 * How the addon is compiled and linked for a platform and a processor, by a compiler that takes GCC's options (g++ or clang++;
 * on Windows either of LLVM or MinGW). Throws when there are no kernels for the processor.
 * @param {string} platform as in `process.platform`
 * @param {string} arch as in `process.arch`
 * @returns {Target}
 */
export function addonTarget(platform, arch) {
  const kernels = kernelUnits[arch];
  if (kernels === undefined) {
    throw new Error(`there are no native kernels for ${arch}, only for ${Object.keys(kernelUnits).join(" and ")}`);
  }
  const machine = platform === "darwin" ? (appleMachine[arch] ?? []) : [];
  // All code on Windows can be moved, and clang refuses the option there.
  const common = [...machine, ...(platform === "win32" ? [] : ["-fPIC"])];
  return {
    // The big ones come first, so that they compile side by side.
    units: [
      ...kernels.map(({ name, flags }) => ({
        name,
        source: "kernels.cc",
        flags: [...kernelFlags, ...common, ...flags],
      })),
      ...["addon", "engine", "arenaNative", "poolNative", "codeMemory", "processor"].map((name) => ({
        name,
        source: `${name}.cc`,
        flags: [...runtime, ...common],
      })),
    ],
    link: linkFlags(platform, machine),
  };
}

/** A build must not depend on which C++ library its user has; macOS has one for all. @param {string} platform @param {string[]} machine */
function linkFlags(platform, machine) {
  if (platform === "darwin") return [...machine, "-bundle", "-undefined", "dynamic_lookup"];
  if (platform === "win32") return ["-shared", "-static"];
  return ["-shared", "-pthread", "-static-libstdc++", "-static-libgcc", "-s"];
}
