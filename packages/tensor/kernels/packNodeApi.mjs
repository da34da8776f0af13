// Part of `npm run build`: puts Node-API's headers into dist, which users who compile the kernels need.
import { packNodeApi } from "./nodeApi.mjs";

packNodeApi();
