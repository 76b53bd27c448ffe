import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { create as createHighlight } from "../src/parts/highlight";
import { create as createMath } from "../src/parts/math";
import type { Services } from "../src/render/services";
import { Transcript } from "../src/transcript";
import { complaints } from "./inert";
import { cut } from "./render";
import corpus from "./xss-corpus.json";

const highlight = createHighlight();
const math = createMath();

/** The lazy parts, at once. */
const services: Services = {
  highlight(code, text, language) {
    const coloured = highlight(text, language);
    if (coloured) code.replaceChildren(coloured);
  },
  typeset(element, tex, display) {
    try {
      element.replaceChildren(math(tex, display));
    } catch {
      element.classList.add("failed");
    }
  },
};

/** Render pieces, and complain after each: what is dangerous for a moment is dangerous. */
function complaintsAbout(pieces: string[]): string[] {
  const transcript = new Transcript(services);
  const found: string[] = [];
  let text = "";
  for (const [index, piece] of pieces.entries()) {
    text += piece;
    while (transcript.advance(text, index === pieces.length - 1)) {
      // a frame
    }
    found.push(...complaints(transcript.element));
  }
  return found;
}

it("has payloads enough", () => {
  expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
  expect(corpus.length).toBeGreaterThan(150);
});

describe.each(corpus)("$name", ({ markdown }) => {
  it("is inert as a whole", () => {
    expect(complaintsAbout([markdown])).toEqual([]);
  });

  it("is inert character by character, in each state on the way", () => {
    expect(complaintsAbout([...markdown])).toEqual([]);
  });

  it("is inert in pieces, behind whatever", () => {
    const before = fc.constantFrom(
      "",
      "text ",
      "**",
      "`",
      "```\n",
      "```html\n",
      "$",
      "$$\n",
      "- ",
      "> ",
      "| a |\n|---|\n| ",
      "[",
      "<think>",
    );
    fc.assert(
      fc.property(before, fc.array(fc.nat(), { maxLength: 4 }), (start, places) => {
        expect(complaintsAbout(cut(start + markdown, places))).toEqual([]);
      }),
      { numRuns: 10 },
    );
  });
});

it("is inert for any mixture of payloads", () => {
  const pieces = fc.array(
    fc.constantFrom(...corpus.map(({ markdown }) => markdown), "\n", "`", "```\n", "$$", "**", "](", "<"),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(pieces, (texts) => {
      expect(complaintsAbout(texts)).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

it("complains about what is dangerous", () => {
  const element = document.createElement("div");
  element.innerHTML =
    '<img src=x onerror=y><a href="javascript:x">x</a><p style="x" id=x data-commandlinker-command=x class="lm-Menu"></p><svg></svg>' +
    "<math><maction></maction><mi href=x></mi></math>";
  expect(complaints(element).length).toBeGreaterThanOrEqual(10);
});
