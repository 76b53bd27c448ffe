/** Which runs of `*`, `_` and `~` belong together: CommonMark's rules, in time linear in the number of runs. */
import { countFrom } from "./text";
import type { Run } from "./token";

const SPACE = /^\s$/u;
const PUNCTUATION = /^[\p{P}\p{S}]$/u;

/** Read the run of equal characters that begins here. */
export function readRun(text: string, at: number): Run {
  const char = text.charAt(at);
  const size = countFrom(text, char, at);
  const end = at + size;
  const before = [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? " ";
  const after = end < text.length ? String.fromCodePoint(text.codePointAt(end) as number) : " ";
  return { kind: "run", char, at, size, left: size, closes: 0, opens: [], ...flanks(char, size, before, after) };
}

function flanks(char: string, size: number, before: string, after: string): { canOpen: boolean; canClose: boolean } {
  const leans = (outside: string, inside: string) =>
    !SPACE.test(inside) && (!PUNCTUATION.test(inside) || SPACE.test(outside) || PUNCTUATION.test(outside));
  const opens = leans(before, after);
  const closes = leans(after, before);
  if (char === "~") return { canOpen: opens && size > 1, canClose: closes && size > 1 };
  if (char === "*") return { canOpen: opens, canClose: closes };
  return {
    canOpen: opens && (!closes || PUNCTUATION.test(before)),
    canClose: closes && (!opens || PUNCTUATION.test(after)),
  };
}

/** Pair runs, and return those that found no partner but could still begin something. */
export function pair(runs: Run[]): Run[] {
  const openers: Run[] = [];
  const searched = new Map<string, number>();
  for (const run of runs) {
    while (run.canClose && run.left > 0) if (!close(run, openers, searched)) break;
    if (run.canOpen && run.left > 0) openers.push(run);
  }
  return openers;
}

function close(closer: Run, openers: Run[], searched: Map<string, number>): boolean {
  const key = `${closer.char}${closer.canOpen}${closer.size % 3}`;
  const floor = searched.get(key) ?? -1;
  let index = openers.length - 1;
  while (index >= 0 && (openers[index] as Run).at > floor && !match(openers[index] as Run, closer)) index -= 1;
  const opener = openers[index];
  if (!opener || opener.at <= floor) {
    searched.set(key, openers.at(-1)?.at ?? floor);
    return false;
  }
  style(opener, closer);
  openers.length = opener.left > 0 ? index + 1 : index;
  return true;
}

function match(opener: Run, closer: Run): boolean {
  if (opener.char !== closer.char) return false;
  if (opener.char === "~") return opener.left > 1 && closer.left > 1;
  const ambiguous = opener.canClose || closer.canOpen;
  const sum = opener.size + closer.size;
  return !ambiguous || sum % 3 !== 0 || (opener.size % 3 === 0 && closer.size % 3 === 0);
}

function style(opener: Run, closer: Run): void {
  const width = opener.left > 1 && closer.left > 1 ? 2 : 1;
  opener.opens.push(opener.char === "~" ? "del" : width === 2 ? "strong" : "em");
  opener.left -= width;
  closer.left -= width;
  closer.closes += 1;
}

/** Let a run without a partner style all that follows: its end is still to come. Returns how many styles it opened. */
export function openEnded(run: Run): number {
  const before = run.opens.length;
  const widest = run.char === "~" ? "del" : "strong";
  for (; run.left > 1; run.left -= 2) run.opens.push(widest);
  if (run.left === 1 && run.char !== "~") run.opens.push("em");
  if (run.char !== "~") run.left = 0;
  return run.opens.length - before;
}
