import { packageConfig } from "../../tools/packageConfig.js";

export default packageConfig({
  index: "src/index.ts",
  predictor: "src/predictor.ts",
  // What `#storage` means in Node and in browsers.
  "storage.node": "src/storage.node.ts",
  "storage.browser": "src/storage.browser.ts",
});
