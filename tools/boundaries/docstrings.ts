import { posix } from "node:path";
import ts from "typescript";
import type { Rule } from "./rules.js";
import { resolveImport, type SourceTree } from "./sourceTree.js";

/** Every name that an entry point of a package exports has a doc comment where it is declared. */
export const publicExportsHaveDocstrings: Rule = (tree) => {
  const entries = entryPoints(tree);
  const program = ts.createProgram(entries, { noLib: true, allowJs: true, types: [] }, hostOf(tree));
  const checker = program.getTypeChecker();
  const problems = new Set<string>();
  for (const entry of entries) {
    const source = program.getSourceFile(entry);
    const module = source && checker.getSymbolAtLocation(source);
    for (const exported of module === undefined ? [] : checker.getExportsOfModule(module)) {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
      const declaration = symbol.declarations?.[0];
      if (declaration === undefined) problems.add(`${entry}: ${exported.name} is exported but declared nowhere`);
      else if (symbol.getDocumentationComment(checker).length === 0) {
        problems.add(`${declaration.getSourceFile().fileName}: ${exported.name} is public and has no doc comment`);
      }
    }
  }
  return [...problems];
};

/** The source files behind the `exports` of each package.json of the tree. */
function entryPoints(tree: SourceTree): string[] {
  return [...tree].flatMap(([path, text]) => {
    if (!/^packages\/[^/]+\/package\.json$/.test(path)) return [];
    const exported: Record<string, string | { "@fai/source"?: string }> = JSON.parse(text).exports ?? {};
    return Object.values(exported)
      .map((target) => (typeof target === "string" ? undefined : target["@fai/source"]))
      .filter((file) => file !== undefined)
      .map((file) => posix.join(posix.dirname(path), file))
      .filter((file) => tree.has(file));
  });
}

/** Lets the compiler read from the tree instead of the disk; packages stay unresolved, which this rule can bear. */
function hostOf(tree: SourceTree): ts.CompilerHost {
  return {
    fileExists: (path) => tree.has(path),
    readFile: (path) => tree.get(path),
    getSourceFile: (path, target) => {
      const text = tree.get(path);
      return text === undefined ? undefined : ts.createSourceFile(path, text, target, true);
    },
    resolveModuleNameLiterals: (literals, from) =>
      literals.map(({ text }) => {
        const path = resolveImport(from, text, tree);
        if (path === undefined || !tree.has(path)) return { resolvedModule: undefined };
        const extension = path.endsWith(".js") ? ts.Extension.Js : ts.Extension.Ts;
        return { resolvedModule: { resolvedFileName: path, extension } };
      }),
    getDefaultLibFileName: () => "lib.d.ts",
    writeFile: () => {},
    getCurrentDirectory: () => "",
    getCanonicalFileName: (path) => path,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => "\n",
  };
}
