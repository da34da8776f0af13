import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { publicExportsHaveDocstrings } from "./boundaries/docstrings.js";
import * as rules from "./boundaries/rules.js";
import { importsOf, readSourceTree, type SourceTree } from "./boundaries/sourceTree.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const allRules = { ...rules, publicExportsHaveDocstrings };

/** A tree of made-up files, on top of the few that most rules need to see. */
function fakeTree(files: Record<string, string>): SourceTree {
  const core = [
    "errors",
    "dtype",
    "shape",
    "backend",
    "node",
    "vjp",
    "gradients",
    "realize",
    "tensor",
    "cell",
    "index",
  ];
  const empty = core.map((name): [string, string] => [`packages/tensor/src/${name}.ts`, "export {};"]);
  return new Map([...empty, ["packages/tensor/src/ops/reduce.ts", "export {};"], ...Object.entries(files)]);
}

describe("this repository", () => {
  const tree = readSourceTree(root);

  test("the tree holds all seven packages", () => {
    const packages = new Set(
      [...tree.keys()].filter((path) => path.includes("/src/")).map((path) => path.split("/")[1]),
    );
    expect([...packages].sort()).toEqual(["collab", "plot", "tabular", "tensor", "text", "train", "vision"]);
  });

  for (const [name, rule] of Object.entries(allRules)) {
    test(name, () => expect(rule(tree)).toEqual([]));
  }
});

describe("imports are found wherever they can hide", () => {
  const path = "packages/tensor/src/ops/sample.ts";
  const found = (text: string) => importsOf(path, fakeTree({ [path]: text }));

  test.each([
    ['import { a } from "../node.js";', false],
    ['import "../node.js";', false],
    ['export { a } from "../node.js";', false],
    ['export * from "../node.js";', false],
    ['const a = await import("../node.js");', false],
    ['import { type A, b } from "../node.js";', false],
    ['import type { A } from "../node.js";', true],
    ['import { type A } from "../node.js";', true],
    ['export type { A } from "../node.js";', true],
    ['type A = import("../node.js").A;', true],
  ])("%s", (text, typeOnly) => {
    expect(found(`// a comment\n${text}`)).toEqual([
      { specifier: "../node.js", target: "packages/tensor/src/node.ts", typeOnly, line: 2 },
    ]);
  });

  test("behind a name of package.json", () => {
    const names = { "#cpu": { "@fai/source": { node: "./src/backends/cpu/select.node.ts" } } };
    const manifest = { "packages/tensor/package.json": JSON.stringify({ imports: names }) };
    const tree = fakeTree({ ...manifest, [path]: 'import { a } from "#cpu";' });
    expect(importsOf(path, tree)[0].target).toBe("packages/tensor/src/backends/cpu/select.node.ts");
    expect(rules.tensorFollowsItsArrows(tree)).toEqual([`${path}:1: ops must not import a backend`]);
  });

  test("not in comments and strings", () => {
    expect(found(`// import "../node.js"\nconst text = 'import "../node.js"';`)).toEqual([]);
  });
});

describe("each rule notices when it is broken", () => {
  const tensor = "packages/tensor/src";
  const broken: [rule: rules.Rule, file: string, text: string, problem: string][] = [
    [
      rules.packagesFollowTheirArrows,
      `${tensor}/a.ts`,
      'import "@fai/train";',
      "@fai/tensor must not import @fai/train",
    ],
    [rules.packagesFollowTheirArrows, "packages/text/src/a.ts", 'import "@fai/vision";', "@fai/text must not import"],
    [
      rules.packagesFollowTheirArrows,
      "packages/train/src/a.ts",
      'import "../../tensor/src/node.js";',
      "leaves the package",
    ],
    [rules.packagesFollowTheirArrows, `${tensor}/a.ts`, 'import "@fai/tensor/nn";', "does not import itself by name"],
    [rules.packagesFollowTheirArrows, "packages/plot/src/a.ts", 'import "@fai/tensor";', "@fai/plot must not import"],
    [rules.packagesFollowTheirArrows, "packages/vision/src/models.ts", 'import "@fai/train";', "only learner.ts"],
    [
      rules.tensorFollowsItsArrows,
      `${tensor}/node.ts`,
      'import { a } from "./ops/reduce.js";',
      "node must not import ops",
    ],
    [rules.tensorFollowsItsArrows, `${tensor}/ops/a.ts`, 'import { a } from "../vjp.js";', "ops must not import vjp"],
    [
      rules.tensorFollowsItsArrows,
      `${tensor}/ops/a.ts`,
      'import { a } from "../tensor.js";',
      "ops must not import tensor",
    ],
    [
      rules.tensorFollowsItsArrows,
      `${tensor}/vjp.ts`,
      'import { a } from "./gradients.js";',
      "vjp must not import gradients",
    ],
    [
      rules.tensorFollowsItsArrows,
      `${tensor}/plan/a.ts`,
      'import { a } from "../realize.js";',
      "plan must not import realize",
    ],
    [
      rules.tensorFollowsItsArrows,
      `${tensor}/plan/a.ts`,
      'import type { A } from "../realize.js";',
      "plan must not import",
    ],
    [
      rules.tensorFollowsItsArrows,
      `${tensor}/tensor.ts`,
      'import { a } from "./nn/linear.js";',
      "tensor must not import nn",
    ],
    [
      rules.tensorFollowsItsArrows,
      `${tensor}/backends/cpu/a.ts`,
      'import { a } from "../../cell.js";',
      "must not import cell",
    ],
    [
      rules.tensorFollowsItsArrows,
      `${tensor}/backends/cpu/a.ts`,
      'import "../webgpu/a.js";',
      "must not import backends/webgpu",
    ],
    [
      rules.tensorFollowsItsArrows,
      `${tensor}/nn/a.ts`,
      'import "../backends/cpu/a.js";',
      "nn must not import a backend",
    ],
    [rules.tensorFollowsItsArrows, `${tensor}/stray.ts`, 'import "./node.js";', "stray has no row"],
    [rules.nobodyImportsAnIndex, `${tensor}/nn/a.ts`, 'import { a } from "../index.js";', "../index.js is an index"],
    [rules.nodeModulesStayInNodeFiles, `${tensor}/io/a.ts`, 'import "node:fs";', "node:fs outside a .node.ts file"],
    [rules.nodeModulesStayInNodeFiles, `${tensor}/io/a.ts`, 'await import("fs/promises");', "fs/promises outside"],
    [rules.nodeModulesStayInNodeFiles, `${tensor}/backends/cpu/wasm.ts`, 'import "node:os";', "node:os outside"],
    [rules.filesAreSmall, `${tensor}/ops/a.ts`, "const a = 1;\n".repeat(401), "401 lines, the ceiling is 400"],
    [rules.filesHaveMeaningfulNames, `${tensor}/nn/utils.ts`, "", "utils.ts: name it after what it holds"],
    [rules.filesHaveMeaningfulNames, "packages/train/test/helpers/a.ts", "", "helpers/a.ts: name it after"],
  ];

  for (const [rule, file, text, problem] of broken) {
    test(`${rule.name}: ${problem}`, () => {
      const found = rule(fakeTree({ [file]: text }));
      expect(found).toHaveLength(1);
      expect(found[0]).toContain(file);
      expect(found[0]).toContain(problem);
    });
  }

  test("heavyPackagesHaveOneDoor", () => {
    const file = { "packages/vision/src/decode.ts": 'import sharp from "sharp";' };
    expect(rules.heavyPackagesHaveOneDoor(fakeTree(file))).toEqual([]);
    const second = { "packages/vision/src/data/folder.ts": 'import sharp from "sharp";' };
    expect(rules.heavyPackagesHaveOneDoor(fakeTree({ ...file, ...second }))).toHaveLength(1);
  });

  test("publicExportsHaveDocstrings, through re-exports", () => {
    const manifest = JSON.stringify({ exports: { ".": { "@fai/source": "./src/index.ts" } } });
    const tree = fakeTree({
      "packages/train/package.json": manifest,
      "packages/train/src/index.ts": 'export { fit, bare, type State } from "./fit.js";\nexport * from "./more.js";',
      "packages/train/src/fit.ts":
        "/** Trains. */\nexport function fit() {}\nexport const bare = 1;\n/** A. */\nexport interface State {}",
      "packages/train/src/more.ts": "export class More {}",
    });
    expect(publicExportsHaveDocstrings(tree)).toEqual([
      "packages/train/src/fit.ts: bare is public and has no doc comment",
      "packages/train/src/more.ts: More is public and has no doc comment",
    ]);
  });
});

describe("what the rules leave free", () => {
  const free: Record<string, string> = {
    "packages/tensor/src/ops/a.ts": 'import type { Tensor } from "../tensor.js";\nimport { a } from "../shape.js";',
    "packages/tensor/src/nn/linear.ts": 'import { a } from "../tensor.js";\nimport { b } from "../ops/reduce.js";',
    "packages/tensor/src/nn/index.ts": 'export { a } from "./linear.js";',
    "packages/tensor/src/backends/cpu/native.ts": 'import "node:module";\nimport { a } from "../../backend.js";',
    "packages/tensor/src/backends/cpu/worker.node.ts": 'import "node:worker_threads";',
    "packages/vision/src/learner.ts": 'import { Learner } from "@fai/train";',
    "packages/vision/src/data/folder.ts": 'import { DataLoader } from "@fai/train";',
    "packages/vision/src/models.ts": 'import { Linear } from "@fai/tensor/nn";',
    "packages/vision/src/models/predictor.ts": 'import { loadPredictor } from "@fai/train/predictor";',
    "packages/train/src/short.ts": "const a = 1;\n".repeat(400),
  };

  test.each(Object.entries(allRules))("%s", (_, rule) => expect(rule(fakeTree(free))).toEqual([]));
});
