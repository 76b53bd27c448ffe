/** Frame times while a 20,000-token answer ends, in Chromium: `node demo/measure.mjs`. */
import { launch } from "./browser.mjs";
import { serve } from "./server.mjs";

const SECONDS = 10;

/** Runs in the page: all but the last part at once, then that part at 30 messages a second. */
async function measure({ seconds, kind }) {
  const model = await demo.open();
  const texts = {
    answer: demo.long(80_000),
    list: "- an item with **bold** and `code`\n  - and one below it\n".repeat(1450),
    table: `| a | b | c |\n|---|---|---|\n${"| one | **two** | `three` |\n".repeat(2900)}`,
    code: `\`\`\`python\n${"    for index in range(10):  # a comment\n".repeat(1950)}`,
    paragraph: "Some words, *some of them* in `another` voice, and a [link](https://example.org). ".repeat(970),
  };
  const text = texts[kind];
  const piece = 120;
  const start = text.length - seconds * 30 * piece;
  model.write(text.slice(0, start));
  await new Promise((resolve) => setTimeout(resolve, 4000));
  const frames = [];
  let before = performance.now();
  let running = true;
  const tick = (now) => {
    frames.push({ now, took: now - before });
    before = now;
    if (running) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  for (let at = start; at < text.length; at += piece) {
    await new Promise((resolve) => setTimeout(resolve, 33));
    model.write(text.slice(at, at + piece));
    model.say("decode", `writing · ${Math.round(at / 4)} tokens`);
  }
  running = false;
  const end = performance.now();
  const sorted = (since) =>
    frames
      .filter(({ now }) => now > since)
      .map(({ took }) => took)
      .sort((a, b) => a - b);
  const quantile = (values, part) => Number(values[Math.floor(values.length * part)].toFixed(1));
  const lastSecond = sorted(end - 1000);
  const all = sorted(0);
  return {
    kind,
    characters: text.length,
    nodes: document.querySelector(".cyllama-output").shadowRoot.querySelectorAll("*").length,
    lastSecondP95: quantile(lastSecond, 0.95),
    p50: quantile(all, 0.5),
    p95: quantile(all, 0.95),
    worst: Number(all.at(-1).toFixed(1)),
    heapMB: Math.round(performance.memory.usedJSHeapSize / 1e6),
  };
}

const { server, port } = await serve();
const browser = await launch();
for (const kind of process.argv[2]?.split(",") ?? ["answer", "list", "table", "code", "paragraph"]) {
  const page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
  await page.goto(`http://127.0.0.1:${port}/`);
  console.log(JSON.stringify(await page.evaluate(measure, { seconds: SECONDS, kind })));
  await page.close();
}
await browser.close();
server.close();
