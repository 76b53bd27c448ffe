/** Screenshots of every state, and axe-core on each: `node demo/look.mjs [FOLDER]`. Fails on a serious violation. */
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { launch } from "./browser.mjs";
import { serve } from "./server.mjs";

const folder = process.argv[2] ?? "demo/out";
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Bring a page to a state. Runs in the page, with the model in `model`. */
const states = {
  starting: () => {},
  loading: (model) => model.say("loading", "loading smollm2-135m-instruct-q8_0.gguf · 42 %", 0.42),
  prefill: (model) => model.say("prefill", "reading the prompt · 1,536 of 4,000 tokens · about 3 s left", 0.384),
  streaming: (model) => {
    model.say("decode", "writing · 137 tokens · 41 tokens/s");
    model.write(demo.answer.slice(0, 560));
  },
  "streaming-code": (model) => {
    model.say("decode", "writing · 260 tokens · 41 tokens/s");
    model.write(demo.answer.slice(0, 1000));
  },
  "streaming-long": (model) => {
    model.say("decode", "writing · 1,160 tokens · 41 tokens/s");
    model.write(demo.answer);
    model.write(demo.answer.slice(0, 700));
  },
  thinking: (model) => {
    model.say("decode", "writing · 37 tokens · 41 tokens/s");
    model.write(demo.thinking.slice(0, 150));
  },
  thought: (model) => {
    model.say("decode", "writing · 137 tokens · 41 tokens/s");
    model.write(demo.thinking + demo.answer.slice(0, 300));
  },
  "thought-open": (model) => {
    model.say("decode", "writing · 137 tokens · 41 tokens/s");
    model.write(demo.thinking + demo.answer.slice(0, 300));
    requestAnimationFrame(() => {
      document.querySelector(".cyllama-output").shadowRoot.querySelector("details").open = true;
    });
  },
  stopping: (model) => {
    model.say("decode", "writing · 137 tokens · 41 tokens/s");
    model.write(demo.answer.slice(0, 300));
    requestAnimationFrame(() => document.querySelector(".cyllama-output").shadowRoot.querySelector(".stop").click());
  },
  stopped: (model) => {
    model.write(demo.answer.slice(0, 300));
    model.finish("stopped", "stopped after 75 tokens");
  },
  failed: (model) => {
    model.write(demo.answer.slice(0, 150));
    model.finish("failed", "failed: OutOfMemoryError");
  },
  done: (model) => {
    model.write(demo.answer);
    model.finish("done", "557 tokens · 41 tokens/s · 13.6 s");
  },
};

const looks = [
  { name: "light", width: 900, theme: "true" },
  { name: "dark", width: 900, theme: "false" },
  { name: "narrow", width: 360, theme: "true" },
];

async function shoot(browser, url, look, state) {
  const page = await browser.newPage({ viewport: { width: look.width, height: 760 }, deviceScaleFactor: 1.5 });
  page.on("pageerror", (error) => {
    throw error;
  });
  await page.goto(url);
  await page.evaluate((theme) => {
    document.body.dataset.jpThemeLight = theme;
  }, look.theme);
  await page.evaluate(`demo.open().then((model) => { globalThis.model = model; (${states[state]})(model); })`);
  await page.waitForTimeout(state === "starting" ? 100 : 1100);
  await page.screenshot({ path: join(folder, `${look.name}-${state}.png`), fullPage: state === "done" });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  await page.close();
  return violations.map(({ id, impact, nodes }) => ({
    look: look.name,
    state,
    id,
    impact,
    targets: nodes.map((node) => node.target.flat().join(" ")),
  }));
}

await mkdir(folder, { recursive: true });
const { server, port } = await serve();
const browser = await launch();
const found = [];
for (const look of looks) {
  for (const state of Object.keys(states))
    found.push(...(await shoot(browser, `http://127.0.0.1:${port}/`, look, state)));
}
await browser.close();
server.close();
for (const violation of found) console.log(JSON.stringify(violation));
const serious = found.filter(({ impact }) => ["serious", "critical"].includes(impact));
console.log(
  `axe-core: ${found.length} violations, ${serious.length} of them serious, in ${looks.length * Object.keys(states).length} pages`,
);
if (serious.length > 0) process.exitCode = 1;
