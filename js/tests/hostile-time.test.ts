/** A text that is made to be slow is not. What is quadratic in one of these takes minutes; what is linear, tenths of a second. */
import { expect, it } from "vitest";
import { renderPieces } from "./render";

const LENGTH = 40_000;
/** For jsdom, on a machine that is busy with something else. */
const LIMIT_MS = 15_000;
const PATTERNS: Record<string, string> = {
  stars: "*",
  "stars and letters": "*a ",
  "stars that close": "a* ",
  "both ways": "*a_ ",
  underscores: "_a ",
  "open strong": "**a",
  brackets: "[",
  "brackets, closed": "[a]",
  "links that never end": "[a](",
  "links with titles that never end": '[a](b "',
  "links in angles that never end": "[a](<b",
  "images that never end": "![a](",
  "links in links": "[[a](https://x.org)",
  parentheses: "[a](((((((",
  ticks: "` `` ",
  "ticks of all lengths": "`a``b```c````d`````e",
  dollars: "$a ",
  "two dollars": "$$a ",
  "open TeX": "\\(a ",
  ampersands: "&a",
  angles: "<a",
  "addresses that never end": "https://x.org/a)))),,,,",
  backslashes: "\\",
  "spaces and a letter": "                                        a",
  "line breaks": "a\n",
  quotes: "> ",
  "quotes, nested": ">",
  items: "- ",
  "items, nested": "- a\n  ",
  numbers: "1. ",
  "list of one": "- a\n",
  "table rows": "|a|b|\n",
  "table delimiters": "|-",
  dashes: "- - ",
  hashes: "# ",
  fences: "```\n",
  tildes: "~~~a\n",
  "formula openers": "$$\n",
  "control characters": "\u0001",
};

function time(text: string): number {
  const begin = performance.now();
  renderPieces(text.match(/[\s\S]{1,2000}/g) ?? []);
  return performance.now() - begin;
}

it.each(Object.entries(PATTERNS))("%s", (_, pattern) => {
  const text = pattern.repeat(Math.ceil(LENGTH / pattern.length)).slice(0, LENGTH);
  expect(time(text)).toBeLessThan(LIMIT_MS);
});

it("a table of many rows", () => {
  expect(time(`| a | b |\n|---|---|\n${"| 1 | 2 |\n".repeat(4000)}`)).toBeLessThan(LIMIT_MS);
});
