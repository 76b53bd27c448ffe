import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { read } from "../src/protocol";

interface Golden {
  sender: "kernel" | "page";
  examples: Record<string, unknown>[];
  malformed: unknown[];
}

const folder = `${import.meta.dirname}/golden`;
const golden = readdirSync(folder).map((name) => [name, JSON.parse(readFileSync(`${folder}/${name}`, "utf8"))]) as [
  string,
  Golden,
][];

describe.each(golden.filter(([, { sender }]) => sender === "kernel"))("%s", (_, { examples, malformed }) => {
  it.each(examples)("is read as it stands: %j", ({ later, ...known }) => {
    expect(read({ ...known, later })).toEqual(known);
  });

  it.each(malformed)("is ignored: %j", (message) => {
    expect(read(message)).toBeNull();
  });
});

it("ignores what comes from a page, and types that it does not know", () => {
  for (const [, { sender, examples }] of golden) {
    if (sender === "page") for (const message of examples) expect(read(message)).toBeNull();
  }
});

it("never throws, whatever comes", () => {
  fc.assert(fc.property(fc.anything(), (content) => void read(content)));
  const type = fc.constantFrom("status", "delta", "end", "replay", "part");
  fc.assert(fc.property(type, fc.object(), (name, fields) => void read({ ...fields, type: name })));
});
