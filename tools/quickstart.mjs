// `npm run quickstart [-- --data DIR]`: installs, builds what this machine can build, and trains a network on real pictures.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { runTypeScript } from "./runTypeScript.mjs";
import { setup } from "./setup.mjs";
import { ensureInstalled, root } from "./workspace.mjs";

const { values } = parseArgs({ options: { data: { type: "string" } } });
const example = join(root, "examples", "fashionMnist.ts");
const trainImages = "train-images-idx3-ubyte";
/** The folder that Debian's package dataset-fashion-mnist installs. */
const debianFolder = "/usr/share/datasets/fashion-mnist";

/** @param {string} folder */
const holdsImages = (folder) => ["", ".gz"].some((suffix) => existsSync(join(folder, trainImages + suffix)));
const asked = values.data === undefined ? undefined : resolve(process.env.INIT_CWD ?? root, values.data);
const data = asked ?? debianFolder;

ensureInstalled();
setup();
if (!existsSync(example)) {
  console.error("The quickstart's example is not written yet; `npm test` shows what works.");
  process.exitCode = 1;
} else if (!holdsImages(data)) {
  console.error(`No ${trainImages}[.gz] in ${data}.`);
  console.error("Quickstart trains a small convolutional network on the 60,000 pictures of Fashion-MNIST.");
  console.error("Get them with `apt-get install dataset-fashion-mnist`, or name a folder with the four IDX files:");
  console.error("  npm run quickstart -- --data DIR");
  process.exitCode = 1;
} else {
  console.log(`Quickstart: the example fashion-mnist on the pictures in ${data}`);
  process.exitCode = runTypeScript(example, ["--data", data]);
}
