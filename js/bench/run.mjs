/** Measures the ways to show Markdown, in Chromium: `npm run bench`. The numbers are in docs/widget-markdown.md. */
import { gzipSync } from "node:zlib";
import { bundle } from "../build.mjs";
import { launch } from "../demo/browser.mjs";

const SIZES = {
  "our own parser": 'export { MarkdownDocument } from "./src/render/document";',
  "streaming-markdown": 'export { parser, parser_write, parser_end } from "streaming-markdown";',
  "marked's lexer": 'export { Lexer, Marked } from "marked";',
  "marked + DOMPurify": 'export { Marked } from "marked"; export { default } from "dompurify";',
  "markdown-it + DOMPurify": 'export { default as Md } from "markdown-it"; export { default } from "dompurify";',
};

async function size(contents) {
  const code = await bundle("", {
    entryPoints: undefined,
    stdin: { contents, resolveDir: new URL("..", import.meta.url).pathname },
  });
  return (gzipSync(code, { level: 9 }).length / 1024).toFixed(1);
}

for (const [name, contents] of Object.entries(SIZES)) console.log(`${name}: ${await size(contents)} KB gzipped`);
const code = Buffer.from(await bundle("bench/page.js", { format: "iife", globalName: "bench" })).toString();
const browser = await launch();

async function open() {
  const page = await browser.newPage();
  await page.setContent("<!doctype html><body></body>");
  await page.addScriptTag({ content: code });
  return page;
}

/** The worst step in milliseconds; Infinity where the page crashed or did not come back. */
async function hostility(name, kind) {
  const page = await open();
  const patience = new Promise((resolve) => setTimeout(() => resolve(Number.POSITIVE_INFINITY), 20_000));
  const ms = await Promise.race([
    page.evaluate(([one, two]) => bench.hostility(one, two), [name, kind]),
    patience,
  ]).catch(() => Number.POSITIVE_INFINITY);
  void page.close().catch(() => {});
  return ms;
}

const page = await open();
for (const name of process.argv[2]?.split(",") ?? ["agreement", "splitting", "costs"]) {
  console.log(`\n${name}`);
  for (const row of await page.evaluate(`bench.${name}()`)) console.log(JSON.stringify(row));
}
console.log("\nhostility: worst of ten steps of 2,000 characters, where above 100 ms");
for (const name of await page.evaluate("bench.names()")) {
  const slow = {};
  for (const kind of await page.evaluate("bench.hostileKinds()")) {
    const ms = await hostility(name, kind);
    if (ms > 100) slow[kind] = Number.isFinite(ms) ? ms : "crashed or above 20 s";
  }
  console.log(JSON.stringify({ name, slow }));
}
await browser.close();
process.exit();
