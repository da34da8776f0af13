import { createServer } from "node:http";
import { capture } from "../workspace.mjs";

/**
 * A registry on this machine that takes `npm publish` and gives what was published; for everything else it sends npm on to the
 * registry that npm is set up with. For trying a release.
 * @returns {Promise<{ url: string, environment: Record<string, string>, published: () => string[], close: () => void }>}
 *   `environment` lets npm publish to it
 */
export async function startRegistry() {
  const upstream = capture("npm", ["config", "get", "registry"]).trim().replace(/\/$/, "");
  /** @type {Map<string, any>} */
  const documents = new Map();
  /** @type {Map<string, Buffer>} */
  const tarballs = new Map();
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname).slice(1);
    const tarball = tarballs.get(path);
    const document = documents.get(path);
    if (request.method === "PUT") {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const sent = JSON.parse(Buffer.concat(chunks).toString());
      for (const [name, { data }] of Object.entries(sent._attachments)) {
        tarballs.set(`${path}/-/${name.replace(/^.*\//, "")}`, Buffer.from(data, "base64"));
      }
      for (const manifest of Object.values(sent.versions)) {
        manifest.dist.tarball = `${url}/${path}/-/${manifest.dist.tarball.replace(/^.*\//, "")}`;
      }
      documents.set(path, sent);
      response.writeHead(201).end("{}");
    } else if (tarball) response.end(tarball);
    else if (document) response.setHeader("content-type", "application/json").end(JSON.stringify(document));
    else if (path.startsWith("@fai/")) response.writeHead(404).end("{}");
    else response.writeHead(302, { location: `${upstream}${request.url}` }).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    environment: { [`npm_config_//127.0.0.1:${port}/:_authToken`]: "anybody" },
    published: () => [...documents.keys()],
    close: () => server.close(),
  };
}
