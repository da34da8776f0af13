import { packageConfig } from "../../tools/packageConfig.js";

export default packageConfig({ index: "src/index.ts", "models/index": "src/models/index.ts" });
