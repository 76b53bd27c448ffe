/** Builds the bundle into the Python package: the core that every widget carries, and the parts that are sent on request. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const KB = 1024;
const CORE_LIMIT = 40 * KB;
const ALL_LIMIT = 250 * KB;

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../cyllama_jupyter/static");

/** Style sheets become strings, minified. */
const inlineStyles = {
  name: "inline-styles",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.css\?inline$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.replace("?inline", "")),
      namespace: "styles",
    }));
    onLoad({ filter: /.*/, namespace: "styles" }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/** Bundle one entry into one ES module. */
export async function bundle(entry, options = {}) {
  const { outputFiles } = await build({
    entryPoints: [join(here, entry)],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    write: false,
    plugins: [inlineStyles],
    ...options,
  });
  return outputFiles[0].contents;
}

/** The licences of what is bundled ask to be passed on with it. */
async function licences() {
  const packages = ["highlight.js", "temml"];
  const texts = packages.map(
    async (name) => `${name}\n\n${await readFile(join(here, "node_modules", name, "LICENSE"), "utf8")}`,
  );
  return (await Promise.all(texts)).join("\n\n");
}

function check(name, size, limit) {
  const line = `${name.padEnd(14)} ${(size / KB).toFixed(1).padStart(6)} KB gzipped, limit ${limit / KB} KB`;
  console.log(line);
  if (size > limit) throw new Error(`too large: ${line}`);
}

async function main() {
  await mkdir(target, { recursive: true });
  const parts = {
    "widget.js": "src/index.ts",
    "highlight.js": "src/parts/highlight.ts",
    "math.js": "src/parts/math.ts",
  };
  const sizes = {};
  for (const [name, entry] of Object.entries(parts)) {
    const code = await bundle(entry);
    sizes[name] = gzipSync(code, { level: 9 }).length;
    await writeFile(join(target, name), code);
    console.log(`${name.padEnd(14)} ${(code.length / KB).toFixed(1).padStart(6)} KB`);
  }
  await writeFile(join(target, "LICENSES.txt"), await licences());
  check("widget.js", sizes["widget.js"], CORE_LIMIT);
  check(
    "all",
    Object.values(sizes).reduce((sum, size) => sum + size),
    ALL_LIMIT,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
