import { packageConfig } from "../../tools/packageConfig.js";

export default packageConfig({
  index: "src/index.ts",
  "models/index": "src/models/index.ts",
  // Chosen by whoever loads the package (package.json "imports").
  "data/csvFile.node": "src/data/csvFile.node.ts",
  "data/csvFile.browser": "src/data/csvFile.browser.ts",
});
