import { builtinModules } from "node:module";
import { posix } from "node:path";
import {
  backendArrows,
  domains,
  importedOnce,
  mayImportNode,
  packageArrows,
  tensorArrows,
  trainsNothing,
} from "./arrows.js";
import { type Import, importsOf, type SourceTree } from "./sourceTree.js";

/** A rule reads the tree and returns one sentence for each place that breaks it. */
export type Rule = (tree: SourceTree) => string[];

const lineLimit = 400;
const tensorSource = "packages/tensor/src/";
const builtins = new Set(builtinModules);

/** `@fai/x` imports follow the arrows between packages, and no relative path leaves its package. */
export const packagesFollowTheirArrows: Rule = (tree) =>
  eachImport(tree, ({ path, owner, entry }) => {
    if (entry.target !== undefined && !entry.target.startsWith(`packages/${owner}/src/`)) {
      return `${entry.specifier} leaves the package's source`;
    }
    const imported = /^@fai\/([^/]+)/.exec(entry.specifier)?.[1];
    if (imported === undefined) return undefined;
    if (imported === owner) return `${entry.specifier}: a package does not import itself by name`;
    if (!(packageArrows[owner] ?? []).includes(imported)) return `@fai/${owner} must not import @fai/${imported}`;
    const loadsData = /\/src\/(learner\.ts$|data[./])/.test(path);
    const mayImportTrain = loadsData || entry.specifier === trainsNothing;
    if (imported === "train" && domains.includes(owner) && !mayImportTrain) {
      return "only learner.ts and data-loading code of a domain package import @fai/train";
    }
    return undefined;
  });

/** Inside tensor, imports go down `tensorArrows`; `import type { Tensor }` is free, because every op returns one. */
export const tensorFollowsItsArrows: Rule = (tree) =>
  eachImport(tree, ({ path, entry }) => {
    if (!path.startsWith(tensorSource) || entry.target === undefined || isIndex(path)) return undefined;
    const [from, to] = [unitOf(path), unitOf(entry.target)];
    if (from === to) return undefined;
    if (entry.typeOnly && entry.target === `${tensorSource}tensor.ts`) return undefined;
    if (from.startsWith("backends")) return backendArrows.includes(to) ? undefined : `a backend must not import ${to}`;
    if (to.startsWith("backends")) return usesBackend(from) ? undefined : `${from} must not import a backend`;
    if (tensorArrows[from] === undefined) return `${from} has no row in tensorArrows`;
    return standsOn(from).has(to) ? undefined : `${from} must not import ${to}`;
  });

/** An index lists names for users; a file that imports one gets a cycle sooner or later. */
export const nobodyImportsAnIndex: Rule = (tree) =>
  eachImport(tree, ({ entry }) =>
    entry.target !== undefined && isIndex(entry.target) ? `${entry.specifier} is an index` : undefined,
  );

/** Node's own modules stay in the files that only Node loads. */
export const nodeModulesStayInNodeFiles: Rule = (tree) =>
  eachImport(tree, ({ path, entry }) => {
    const isBuiltin = entry.specifier.startsWith("node:") || builtins.has(entry.specifier);
    return isBuiltin && !mayImportNode(path) ? `${entry.specifier} outside a .node.ts file` : undefined;
  });

/** sharp and apache-arrow each have one door a package. */
export const heavyPackagesHaveOneDoor: Rule = (tree) =>
  Object.keys(packageArrows).flatMap((owner) =>
    importedOnce.flatMap((name) => {
      const doors = sourcesOf(tree)
        .filter((path) => path.startsWith(`packages/${owner}/`))
        .filter((path) => importsOf(path, tree).some(({ specifier }) => isOrIsInside(specifier, name)));
      return doors.length > 1 ? [`${name} is imported by ${doors.join(" and ")}: one file alone may`] : [];
    }),
  );

/** Files stay readable at one sitting. */
export const filesAreSmall: Rule = (tree) =>
  [...tree].flatMap(([path, text]) => {
    const isSource = /\/(src|kernels)\//.test(path) || /^(tools|examples|bench)\//.test(path);
    const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    return isSource && lines > lineLimit ? [`${path}: ${lines} lines, the ceiling is ${lineLimit}`] : [];
  });

/** A file that is named for nothing collects everything. */
export const filesHaveMeaningfulNames: Rule = (tree) =>
  [...tree.keys()]
    .filter((path) => path.split("/").some((part) => /^(utils?|helpers?)(\.|$)/i.test(part)))
    .map((path) => `${path}: name it after what it holds`);

interface Place {
  readonly path: string;
  /** The package's folder name. */
  readonly owner: string;
  readonly entry: Import;
}

/** Applies `check` to every import of every package's source and puts the place before what it answers. */
function eachImport(tree: SourceTree, check: (place: Place) => string | undefined): string[] {
  return sourcesOf(tree).flatMap((path) =>
    importsOf(path, tree).flatMap((entry) => {
      const problem = check({ path, owner: path.split("/")[1], entry });
      return problem === undefined ? [] : [`${path}:${entry.line}: ${problem}`];
    }),
  );
}

function isOrIsInside(specifier: string, packageName: string): boolean {
  return specifier === packageName || specifier.startsWith(`${packageName}/`);
}

function sourcesOf(tree: SourceTree): string[] {
  return [...tree.keys()].filter((path) => /^packages\/[^/]+\/src\//.test(path));
}

function isIndex(path: string): boolean {
  return posix.basename(path) === "index.ts";
}

/** `packages/tensor/src/ops/reduce.ts` belongs to `ops`, `.../backends/cpu/wasm.ts` to `backends/cpu`. */
function unitOf(path: string): string {
  const [first, second] = path.slice(tensorSource.length).split("/");
  return first === "backends" ? `backends/${second}` : first.replace(/(\.node|\.browser)?\.[jt]s$/, "");
}

/** A backend is handed in by the user; only realize asks for the default one (`#cpuSync`). */
function usesBackend(unit: string): boolean {
  return unit === "realize";
}

/** Everything below `unit`, directly or not. */
function standsOn(unit: string, seen = new Set<string>()): Set<string> {
  for (const below of tensorArrows[unit] ?? []) {
    if (!seen.has(below)) standsOn(below, seen.add(below));
  }
  return seen;
}
