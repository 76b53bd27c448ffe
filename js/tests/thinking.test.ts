import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Segment, Segmenter } from "../src/thinking";
import { Transcript } from "../src/transcript";
import { cut, noServices } from "./render";

function segments(pieces: string[], ended = true): [Segment["kind"], string][] {
  const segmenter = new Segmenter();
  for (const piece of pieces) segmenter.write(piece);
  if (ended) segmenter.end();
  return segmenter.segments.map(({ kind, text }) => [kind, text]);
}

describe("thinking", () => {
  it.each([
    [
      "<think>a</think>b",
      [
        ["thinking", "a"],
        ["answer", "b"],
      ],
    ],
    [
      "\n <think>\na\n</think>\n\nb",
      [
        ["thinking", "\na\n"],
        ["answer", "b"],
      ],
    ],
    [
      "<thinking>a</thinking>b",
      [
        ["thinking", "a"],
        ["answer", "b"],
      ],
    ],
    [
      "<thought>a</thought>b",
      [
        ["thinking", "a"],
        ["answer", "b"],
      ],
    ],
    [
      "[THINK]a[/THINK]b",
      [
        ["thinking", "a"],
        ["answer", "b"],
      ],
    ],
    [
      "◁think▷a◁/think▷b",
      [
        ["thinking", "a"],
        ["answer", "b"],
      ],
    ],
    [
      "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b",
      [
        ["thinking", "a"],
        ["answer", "b"],
      ],
    ],
    [
      "<think>a</think><think>b</think>c",
      [
        ["thinking", "a"],
        ["thinking", "b"],
        ["answer", "c"],
      ],
    ],
    ["<think>a", [["thinking", "a"]]],
    ["<think>", [["thinking", ""]]],
  ] as const)("is told from the answer: %j", (text, expected) => {
    expect(segments([text])).toEqual(expected);
  });

  it.each([
    "plain",
    "the <think> tag",
    "`<think>` begins it\n<think>not here</think>",
    "```\n</think>\n```\n",
    "a </think> b",
    "<thin",
    "    code",
  ])("is not seen where there is none: %j", (text) => {
    expect(segments([text])).toEqual([["answer", text]]);
  });

  it("is seen from a closing tag alone on its line, where the opening one was in the prompt", () => {
    expect(segments(["I should\nadd.\n</think>\n\n4"])).toEqual([
      ["thinking", "I should\nadd.\n"],
      ["answer", "4"],
    ]);
    expect(segments(["only\n</think>"])).toEqual([["thinking", "only\n"]]);
  });

  it("is the same however it is cut", () => {
    const texts = fc.constantFrom(
      "<think>a\n</thi</think>\nb <think>c",
      "a\n</think>\nb\n</think>",
      "<|channel|>analysis<|message|>x<|end|>y",
    );
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 8 }), (text, places) => {
        expect(segments(cut(text, places))).toEqual(segments([text]));
      }),
    );
  });
});

describe("in the transcript", () => {
  it("is folded, and says whether it goes on", () => {
    const transcript = new Transcript(noServices);
    transcript.advance("<think>so", false);
    const fold = transcript.element.querySelector("details");
    expect([fold?.open, fold?.querySelector("summary")?.textContent]).toEqual([false, "Thinking…"]);
    transcript.advance("<think>so</think>\n\nYes.", true);
    expect(fold?.querySelector("summary")?.textContent).toBe("Thought for a while");
    expect(transcript.element.lastElementChild?.textContent).toBe("Yes.");
  });

  it("is folded afterwards, where the closing tag comes alone, without rendering it anew", () => {
    const transcript = new Transcript(noServices);
    transcript.advance("I **should** add.\n", false);
    const bold = transcript.element.querySelector("strong");
    transcript.advance("I **should** add.\n</think>\n4", true);
    expect(transcript.element.querySelector("details strong")).toBe(bold);
    expect(transcript.element.lastElementChild?.textContent).toBe("4");
  });

  it("is not in the answer that is copied", () => {
    const transcript = new Transcript(noServices);
    transcript.advance("<think>so</think>\n\n**Yes**.", true);
    expect(transcript.answer).toBe("**Yes**.");
  });

  it("is copied where there is nothing else", () => {
    const transcript = new Transcript(noServices);
    transcript.advance("<think>so", true);
    expect(transcript.answer).toBe("<think>so");
  });
});
