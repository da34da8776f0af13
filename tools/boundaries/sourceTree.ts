import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import ts from "typescript";

/** Source files by their path from the repository's root, with `/` between folders. */
export type SourceTree = ReadonlyMap<string, string>;

/** One import, re-export, `import()` or `import("...")` type of a file. */
export interface Import {
  readonly specifier: string;
  /** The file of the tree that it names; undefined for packages and Node's own modules. */
  readonly target: string | undefined;
  /** Erased by the compiler: `import type`, or only `type` names in the braces. */
  readonly typeOnly: boolean;
  /** Counted from 1. */
  readonly line: number;
}

const codeFile = /\.(ts|mts|js|mjs)$/;

/** Reads the code of every package (`src`, `test`, `kernels`), of `tools`, `examples` and `bench` from disk. */
export function readSourceTree(root: string): SourceTree {
  const packages = readdirSync(join(root, "packages")).map((name) => `packages/${name}`);
  const folders = packages.flatMap((path) => ["src", "test", "kernels"].map((folder) => `${path}/${folder}`));
  const tree = new Map<string, string>();
  for (const folder of [...folders, "tools", "examples", "bench"]) {
    for (const name of namesBelow(join(root, folder))) {
      const path = posix.join(folder, name.replaceAll("\\", "/"));
      if (/\.(ts|mts|js|mjs|cc|cpp|c|h|hpp)$/.test(path)) tree.set(path, readFileSync(join(root, path), "utf8"));
    }
  }
  for (const path of packages) tree.set(`${path}/package.json`, readFileSync(join(root, path, "package.json"), "utf8"));
  return tree;
}

function namesBelow(folder: string): string[] {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" });
}

/** Every import of one file, in source order; none for files that are not TypeScript or JavaScript. */
export function importsOf(path: string, tree: SourceTree): Import[] {
  if (!codeFile.test(path)) return [];
  const source = ts.createSourceFile(path, tree.get(path) ?? "", ts.ScriptTarget.ES2022, true);
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    found.push({ specifier: specifier.text, target: resolveImport(path, specifier.text, tree), typeOnly, line });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, isErased(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node, node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** True when nothing of the import is left at run time. */
function isErased(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  if (clause.name !== undefined || names === undefined || !ts.isNamedImports(names)) return false;
  return names.elements.length > 0 && names.elements.every((element) => element.isTypeOnly);
}

/** The tree's file that a relative specifier names (`./shape.js` is `shape.ts` when there is one), or a `#name`. */
export function resolveImport(from: string, specifier: string, tree: SourceTree): string | undefined {
  if (specifier.startsWith("#")) return resolvePrivateName(from, specifier, tree);
  if (!specifier.startsWith(".")) return undefined;
  const path = posix.join(posix.dirname(from), specifier);
  const candidates = [path.replace(/\.(m?)js$/, ".$1ts"), path, `${path}.ts`, `${path}/index.ts`];
  return candidates.find((name) => tree.has(name)) ?? path;
}

/** What `#name` means to Node by the `imports` of the package that `from` belongs to. */
function resolvePrivateName(from: string, specifier: string, tree: SourceTree): string | undefined {
  const folder = from.split("/").slice(0, 2).join("/");
  const manifest = JSON.parse(tree.get(`${folder}/package.json`) ?? "{}");
  const source = manifest.imports?.[specifier]?.["@fai/source"];
  const file: unknown = source?.node ?? source;
  return typeof file === "string" ? posix.join(folder, file) : undefined;
}
