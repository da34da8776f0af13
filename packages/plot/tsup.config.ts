import { packageConfig } from "../../tools/packageConfig.js";

export default packageConfig({ index: "src/index.ts", "node/index": "src/node/index.ts" });
