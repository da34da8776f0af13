import { packageConfig } from "../../tools/packageConfig.js";

export default packageConfig({
  index: "src/index.ts",
  // What `#weights` means in Node and in browsers.
  "weights.node": "src/weights.node.ts",
  "weights.browser": "src/weights.browser.ts",
});
