import { spawn, spawnSync } from "node:child_process";

/** The C++ compilers that `findCompiler` asks for, in order; $CXX goes before them. */
export const compilerNames = ["c++", "g++", "clang++"];

/** The first C++ compiler on the PATH that answers, or undefined. $CXX, when it is set, is the only one asked. */
export function findCompiler() {
  const names = process.env.CXX ? [process.env.CXX] : compilerNames;
  return names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
}

/** Runs a compiler or another tool of a build with this process's output. @param {string} command @param {string[]} args @returns {Promise<void>} */
export function runTool(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => reject(new Error(`${command} could not start: ${error.message}`)));
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} failed with ${code}: ${args.join(" ")}`));
    });
  });
}
