import { packageConfig } from "../../tools/packageConfig.js";

export default packageConfig({
  index: "src/index.ts",
  predictor: "src/predictor.ts",
  // What `#worker` means, and the thread: in the folder they have in src, because they look for the file relative to it.
  "data/spawnWorker.node": "src/data/spawnWorker.node.ts",
  "data/spawnWorker.browser": "src/data/spawnWorker.browser.ts",
  "data/transformWorker": "src/data/transformWorker.js",
  // What `#storage` means in Node and in browsers.
  "storage.node": "src/storage.node.ts",
  "storage.browser": "src/storage.browser.ts",
});
