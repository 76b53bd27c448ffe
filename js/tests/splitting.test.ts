/** However a text is cut into deltas, what stands there in the end is the same. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { answer, thinking } from "../demo/samples.js";
import { Transcript } from "../src/transcript";
import { cut, noServices, render, renderPieces } from "./render";

const PIECES = [
  "**", "*", "_", "~~", "`", "``", "```\n", "```python\n", "~~~\n", "\n", "\n\n", "  ", "    ", "\t", "- ", "- [ ] ", "- [x] ", "1. ", "2) ",
  "> ", "# ", "###### ", "===\n", "---\n", "***\n", "| a | b |\n", "|---|:-:|\n", "| 1 | `2|3` |\n", "|", "$", "$$", "$$\n", "\\(", "\\)", "\\[",
  "\\]", "\\", "[a](https://x.org)", "![i](https://x.org/i.png)", "[", "]", "(", ")", "<https://x.org>", "https://x.org/a_b.", "&amp;", "&",
  "<b>", "</think>\n", "<think>", "snake_case", "word", " ", "é", "🌍", "\r\n", "\u0007", "x^2", "5", "!",
]; // biome-ignore format: a table
const markdown = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(""));
const places = fc.array(fc.nat(), { maxLength: 12 });

it("gives the same document", () => {
  const same = fc.property(markdown, places, (text, at) => {
    expect(renderPieces(cut(text, at)).outerHTML).toBe(render(text).outerHTML);
  });
  fc.assert(same, { numRuns: 3000 });
});

it("gives the same document character by character", () => {
  for (const text of [answer, thinking + answer])
    expect(renderPieces(text.split("")).outerHTML).toBe(render(text).outerHTML);
});

function transcribe(pieces: string[]): string {
  const transcript = new Transcript(noServices);
  let text = "";
  for (const piece of pieces) {
    text += piece;
    transcript.advance(text, false);
  }
  while (transcript.advance(text, true)) {
    // a frame
  }
  return transcript.element.innerHTML;
}

it("gives the same transcript, thinking folded", () => {
  const tags = fc.constantFrom("<think>", "<thinking>", "<|channel|>analysis<|message|>", "", "\n<", "[THINK]");
  const ends = fc.constantFrom("</think>", "</thinking>", "<|end|>", "\n</think>\n", "[/THINK]", "");
  const texts = fc.tuple(tags, markdown, ends, markdown).map((parts) => parts.join(""));
  const same = fc.property(texts, places, (text, at) => {
    expect(transcribe(cut(text, at))).toBe(transcribe([text]));
  });
  fc.assert(same, { numRuns: 2000 });
});
