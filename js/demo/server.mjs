/** Serves the demo on this machine: `node demo/server.mjs`. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const roots = { static: join(here, "../../cyllama_jupyter/static"), demo: here };
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

async function answer(request, response) {
  const path = normalize(new URL(request.url, "http://localhost").pathname);
  const file = path.startsWith("/static/")
    ? join(roots.static, path.slice(8))
    : join(roots.demo, path === "/" ? "index.html" : path);
  try {
    const content = await readFile(file);
    response.writeHead(200, { "content-type": `${types[extname(file)] ?? "text/plain"}; charset=utf-8` }).end(content);
  } catch {
    response.writeHead(404).end();
  }
}

/** Start the server on a free port, or the one given. */
export function serve(port = 0) {
  return new Promise((resolve) => {
    const server = createServer(answer).listen(port, "127.0.0.1", () =>
      resolve({ server, port: server.address().port }),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port } = await serve(8765);
  console.log(`http://localhost:${port}/`);
}
