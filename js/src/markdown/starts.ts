/** What a line must look like to begin, or to end, a block. */
import type { Block } from "./block";
import { isProse } from "./formulas";
import type { Line } from "./line";
import { countAtEnd, countFrom, trimEnd } from "./text";

const RULE = /^(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:-[ \t]*){3,})$/;
const HEADING = /^(#{1,6})(?:[ \t]+|$)/;
const UNDERLINE = /^(?:=+|-+)[ \t]*$/;
const MARKER = /^(?:[-+*]|(\d{1,9})[.)])(?=[ \t]|$)/;
const TASK = /^\[([ xX])\](?=[ \t])/;

export const isRule = (content: string): boolean => RULE.test(content);

export const isUnderline = (content: string): boolean => UNDERLINE.test(content);

export function heading(content: string): { level: number; text: string } | null {
  const marker = HEADING.exec(content);
  if (!marker?.[1]) return null;
  const text = trimEnd(content.slice(marker[0].length));
  const open = trimEnd(text, "#");
  const closed = open === "" || countAtEnd(open, " \t") > 0;
  return { level: marker[1].length, text: closed ? trimEnd(open) : text };
}

export function fence(content: string): { fence: string; info: string } | null {
  const char = content.charAt(0);
  if (char !== "`" && char !== "~") return null;
  const size = countFrom(content, char, 0);
  const info = content.slice(size);
  if (size < 3 || (char === "`" && info.includes("`"))) return null;
  return { fence: content.slice(0, size), info: info.trim() };
}

export function closesFence(fence: string, line: Line): boolean {
  const content = trimEnd(line.content);
  return line.indent <= 3 && content.length >= fence.length && content === fence.charAt(0).repeat(content.length);
}

export interface ListMarker {
  text: string;
  ordered: boolean;
  start: number;
  /** What tells one list from the next: the last character of the marker. */
  marker: string;
}

/** A list item's marker; `interrupts` where it would end a paragraph, which takes an item that says something, or a 1. */
export function listMarker(content: string, interrupts: boolean): ListMarker | null {
  const found = MARKER.exec(content);
  if (!found) return null;
  const text = found[0];
  const start = found[1] === undefined ? 1 : Number(found[1]);
  const says = content.slice(text.length).trim() !== "";
  if (interrupts && (!says || start !== 1)) return null;
  return { text, ordered: found[1] !== undefined, start, marker: text.slice(-1) };
}

export function task(content: string): { task: Block["task"]; text: string } | null {
  const box = TASK.exec(content);
  if (!box) return null;
  return { task: box[1] === " " ? "open" : "done", text: content.slice(box[0].length).trimStart() };
}

export interface FormulaStart {
  closer: string;
  text: string;
  whole: boolean;
}

/** A formula on lines of its own: `$$ … $$` or `\[ … \]`. */
export function formula(content: string): FormulaStart | null {
  const closer = content.startsWith("$$") ? "$$" : content.startsWith("\\[") ? "\\]" : "";
  if (!closer) return null;
  const text = trimEnd(content.slice(2));
  const end = text.indexOf(closer);
  const maybeEscaped = closer !== "$$" && /^\S/.test(text);
  if (end < 0) return maybeEscaped ? null : { closer, text, whole: false };
  const whole = end === text.length - 2 && end > 0 && !isProse(text.slice(0, end));
  return whole ? { closer, text: text.slice(0, end), whole } : null;
}

/** What a line adds to a formula that it closes, or null where it does not close it. Punctuation may follow. */
export function closesFormula(closer: string, content: string): string | null {
  const text = trimEnd(content);
  const mark = /[.,;:]/.test(text.slice(-1)) ? text.slice(-1) : "";
  const before = text.slice(0, text.length - mark.length);
  return before.endsWith(closer) ? before.slice(0, -2) + mark : null;
}
