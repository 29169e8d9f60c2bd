// Serves the page from disk and hands every other request to the server, so that both have one origin.
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { join } from "node:path";

const ASSETS = join(import.meta.dirname, "../src/console/assets");
const PAGE = /^\/console(?:\/(console\.(?:js|css)))?$/;

/** Listens at `port`; `api` is the server behind it. */
export function serve({ port = 8001, api = new URL("http://127.0.0.1:8000") } = {}) {
  const server = createServer((incoming, outgoing) => void forward(incoming, outgoing, api));
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

function forward(incoming, outgoing, { hostname, port }) {
  const { method, url: path, headers } = incoming;
  const asset = PAGE.exec(path);
  // The server's own answer to it would be compressed, or that it has not changed.
  if (asset) for (const name of ["accept-encoding", "if-none-match"]) delete headers[name];
  const onward = request({ hostname, port, method, path, headers }, async (reply) => {
    if (!asset) {
      outgoing.writeHead(reply.statusCode, reply.headers);
      return reply.pipe(outgoing);
    }
    // The headers stay the server's: the page is under its policy.
    reply.resume();
    const { "content-length": _, etag: __, ...kept } = reply.headers;
    outgoing.writeHead(reply.statusCode, kept);
    outgoing.end(await readFile(join(ASSETS, asset[1] ?? "index.html")));
  });
  onward.on("error", () => outgoing.destroy());
  outgoing.on("close", () => onward.destroy());
  incoming.pipe(onward);
}
