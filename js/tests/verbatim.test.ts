/** An answer that is no Markdown loses nothing to it: docs/widget-protocol.md, `language`. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Language } from "../src/protocol";
import { Transcript } from "../src/transcript";

const MARKS = '{"snake_case": "*not* `Markdown` $x$ <b>1</b> <think>"}';
const asked: [string, string][] = [];
const services = {
  highlight: (_: HTMLElement, text: string, language: string) => void asked.push([text, language]),
  typeset() {},
};

/** The transcript of a text that comes in pieces. */
function show(pieces: string[], language: Language): Transcript {
  const transcript = new Transcript(services);
  let text = "";
  for (const piece of pieces) {
    text += piece;
    while (transcript.advance(text, false, language)) {}
  }
  transcript.advance(text, true, language);
  return transcript;
}

it.each(["json", "table"] as const)("%s is a box of code, coloured as JSON", (language) => {
  const { element } = show([MARKS.slice(0, 20), MARKS.slice(20)], language);
  expect(element.querySelector(".code pre > code.language-json")?.textContent).toBe(MARKS);
  expect(asked.at(-1)).toEqual([MARKS, "json"]);
});

it("text is as it is, without a box", () => {
  const { element } = show([MARKS], "text");
  expect(element.querySelector("pre > code")?.textContent).toBe(MARKS);
  expect(element.querySelector(".code")).toBeNull();
});

it("is the answer that is copied, thinking or not", () => {
  expect(show(["<think>not", "</think> at all"], "text").answer).toBe("<think>not</think> at all");
});

it("is busy until its end, for those who listen", () => {
  const transcript = new Transcript(services);
  transcript.advance("[1", false, "json");
  expect(transcript.element.querySelector("[aria-busy]")).not.toBeNull();
  transcript.advance("[1]", true, "json");
  expect(transcript.element.querySelector("[aria-busy]")).toBeNull();
});

it("begins anew when the language is another", () => {
  const transcript = new Transcript(services);
  transcript.advance("*a*", false, "markdown");
  transcript.advance("*a*", false, "json");
  expect(transcript.element.textContent).toBe("*a*");
});

it("shows any text whole, in whatever pieces, and makes no element of it", () => {
  const language = fc.constantFrom<Language>("json", "table", "text");
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1, unit: "grapheme-ascii" }), { minLength: 1 }),
      language,
      (pieces, of) => {
        const code = show(pieces, of).element.querySelector("pre > code") as HTMLElement;
        expect(code.textContent).toBe(pieces.join(""));
        expect(code.children.length).toBe(0);
      },
    ),
  );
});
