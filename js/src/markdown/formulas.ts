/** TeX in a line: `$x$`, `$$x$$`, `\(x\)` and `\[x\]`, told from prices. */
import type { Inline } from "./inline";

type Formula = Extract<Inline, { kind: "formula" }>;

export interface FoundFormula {
  node: Formula;
  end: number;
}

const CLOSERS: Record<string, string> = { $: "$", $$: "$$", "\\(": "\\)", "\\[": "\\]" };

const PROSE = /^\s*[a-z]{2,}(?:[\s,.'-]+[a-z]{2,})+[\s.!?]*$/i;
const PRICE = /^\d[\d.,]*\s+[a-z]{2,}\b/i;

/** "\[citation needed\]" is prose with escaped brackets. */
export const isProse = (tex: string): boolean => PROSE.test(tex);

/** Finds the formulas of one text. It remembers which closers there are no more of, so that it reads the text once. */
export class FormulaReader {
  private readonly absent = new Set<string>();

  constructor(private readonly text: string) {}

  /** The formula that begins here, or null where the characters stand for themselves. */
  read(at: number): FoundFormula | null {
    const opener = this.text.startsWith("$", at) && this.text[at + 1] !== "$" ? "$" : this.text.slice(at, at + 2);
    const closer = CLOSERS[opener];
    if (closer === undefined || this.absent.has(closer)) return null;
    const start = at + opener.length;
    const end = this.find(closer, start);
    if (end < 0) this.absent.add(closer);
    if (end < 0 || !this.fits(opener, at, end)) return null;
    const tex = this.text.slice(start, end);
    if (tex.trim() === "") return null;
    const stop = end + closer.length;
    const display = opener === "$$" || opener === "\\[";
    return { node: { kind: "formula", tex, display, source: this.text.slice(at, stop), whole: true }, end: stop };
  }

  private find(closer: string, start: number): number {
    let end = this.text.indexOf(closer, start);
    while (end > 0 && closer.startsWith("$") && this.text[end - 1] === "\\") end = this.text.indexOf(closer, end + 1);
    return end;
  }

  /**
   * "$5 and $6" are two prices, "$10 or 20$" too: within dollars there is no white space at the edges, and no price at the
   * beginning; outside there is no digit.
   */
  private fits(opener: string, at: number, end: number): boolean {
    if (opener.startsWith("\\")) return !isProse(this.text.slice(at + 2, end));
    if (opener === "$$") return true;
    const inside = `${this.text[at + 1]}${this.text[end - 1]}`;
    const outside = `${this.text[at - 1] ?? ""}${this.text[end + 1] ?? ""}`;
    return !/\s/.test(inside) && !/\d/.test(outside) && !PRICE.test(this.text.slice(at + 1, Math.min(end, at + 40)));
  }
}
