/** Which package may import which of ours; the rest of the world is package.json's business. */
export const packageArrows: Readonly<Record<string, readonly string[]>> = {
  tensor: [],
  train: ["tensor"],
  vision: ["tensor", "train"],
  tabular: ["tensor", "train"],
  text: ["tensor", "train"],
  collab: ["tensor", "train"],
  plot: [],
};

/** The entry of `train` that every file of a domain may import: reading and writing predictors. */
export const trainsNothing = "@fai/train/predictor";

/** In these, only the one-call factory and data loading import the rest of `train`, so a page that predicts never loads it. */
export const domains: readonly string[] = ["vision", "tabular", "text", "collab"];

/**
 * Inside `packages/tensor/src`: what each file or folder stands on. It may import those, and what they stand on in turn;
 * an arrow the other way is an error, and so is a file without a row here. `index` files only list names for users.
 */
export const tensorArrows: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  dtype: ["errors"],
  shape: ["errors"],
  half: ["dtype"],
  random: ["dtype", "shape"],
  backend: ["dtype", "shape"],
  node: ["backend", "half"],
  memory: ["backend"],
  cell: ["node"],
  ops: ["node", "random"],
  vjp: ["ops"],
  gradients: ["vjp", "cell"],
  plan: ["cell"],
  realize: ["plan", "memory", "random"],
  format: ["dtype", "shape"],
  upload: ["realize"],
  tensor: ["gradients", "realize", "format"],
  profile: ["realize"],
  gradCheck: ["tensor"],
  nn: ["tensor"],
  io: ["nn"],
};

/** A backend sees no more of the core than this (`memory` is the allocator), and nothing of another backend. */
export const backendArrows: readonly string[] = ["backend", "node", "memory", "shape", "dtype", "errors"];

/** Third-party packages that one source file of a package alone may import, so that replacing them is one file's work. */
export const importedOnce: readonly string[] = ["sharp", "apache-arrow"];

/** Where `node:` modules may appear; everything else has to run in a browser. */
export function mayImportNode(path: string): boolean {
  if (!/^packages\/[^/]+\/src\//.test(path)) return true;
  return (
    /\.node\.[jt]s$/.test(path) ||
    path.startsWith("packages/tensor/src/backends/cuda/") ||
    path === "packages/tensor/src/backends/cpu/native.ts"
  );
}
