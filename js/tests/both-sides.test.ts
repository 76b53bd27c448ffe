/** What is a formula and what is a link is the same in the static form: tests/notebook/test_both_sides.py reads the same file. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { renderPieces } from "./render";

interface Example {
  markdown: string;
  /** TeX, and whether it stands by itself. */
  formulas: [string, boolean][];
  links: string[];
}

const file = readFileSync(`${import.meta.dirname}/both-sides.json`, "utf8");

describe.each(JSON.parse(file) as Example[])("$markdown", ({ markdown, formulas, links }) => {
  it("has the formulas and links that the static form has", () => {
    const found = new Map<Element, [string, boolean]>();
    const services = {
      highlight() {},
      typeset: (element: Element, tex: string, display: boolean) => found.set(element, [tex.trim(), display]),
    };
    const page = renderPieces([markdown], services as never);
    expect([...page.querySelectorAll(".formula")].map((element) => found.get(element))).toEqual(formulas);
    expect([...page.querySelectorAll("a")].map((link) => link.href)).toEqual(links);
  });
});
