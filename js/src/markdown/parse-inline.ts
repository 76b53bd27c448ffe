/** The Markdown within a paragraph, a heading or a cell. */
import { openEnded } from "./emphasis";
import type { Inline } from "./inline";
import { Scanner } from "./scanner";
import { trimEnd } from "./text";
import { buildTree } from "./tree";

/** A style that was opened longer ago than this is taken for a lone character, also while its end may still come. */
const PATIENCE = 240;

const UNDECIDED = "*_~`$\\!&<";
const MAX_HALF_LINK = 2400;
const HALF_LINK = /(!?)\[([^[\]\n]{0,300})\]\([^()\s]{0,2000}$/;

/** Read a text that is complete. */
export function parseInline(text: string): Inline[] {
  const scanner = new Scanner(trimEnd(text));
  scanner.scan();
  return buildTree(scanner.tokens, 0);
}

/**
 * Read a text of which more may come: what is open at its end is shown as if its end were there, so that nothing changes its
 * looks when it comes, and what cannot be told yet is held back.
 */
export function parseGrowing(text: string): Inline[] {
  const { decided, formula } = splitFormula(text);
  const body = completeCode(withoutHalfLink(trimEnd(decided, UNDECIDED)));
  const shown = formula ? body : trimEnd(body);
  const scanner = new Scanner(shown);
  const open = scanner.scan().filter((run) => shown.length - run.at < PATIENCE);
  const openEnds = open.reduce((sum, run) => sum + openEnded(run), 0);
  if (formula) scanner.tokens.push({ kind: "node", node: formula });
  return buildTree(scanner.tokens, openEnds);
}

/** A formula in brackets that is open at the end is shown as it is written. */
function splitFormula(text: string): { decided: string; formula: Inline | null } {
  const tail = Math.max(0, text.length - PATIENCE);
  const start = Math.max(text.lastIndexOf("\\("), text.lastIndexOf("\\["));
  const end = Math.max(text.lastIndexOf("\\)"), text.lastIndexOf("\\]"));
  if (start < tail || start < end || text[start - 1] === "\\") return { decided: text, formula: null };
  const source = text.slice(start);
  return { decided: text.slice(0, start), formula: { kind: "formula", tex: "", display: false, source, whole: false } };
}

/** A link whose address is still being written is its label. */
function withoutHalfLink(text: string): string {
  const tail = Math.max(0, text.length - MAX_HALF_LINK);
  return text.slice(0, tail) + text.slice(tail).replace(HALF_LINK, (_, image, label) => (image ? "" : label));
}

/** A code span that is open at the end is closed there. */
function completeCode(text: string): string {
  const tail = text.slice(-PATIENCE);
  const odd = (tail.match(/`/g)?.length ?? 0) % 2 === 1;
  return odd && !tail.includes("``") ? `${text}\`` : text;
}
