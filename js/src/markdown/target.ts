/** What stands in the round brackets of a link. */
import { unescapeText } from "./entities";

// The lengths are bounded, so that ten thousand brackets that never close are not searched to the end each.
const ANGLED = /<((?:[^<>\\\n]|\\.){0,2000})>/y;
const TITLE = /"((?:[^"\\]|\\[\s\S]){0,500})"|'((?:[^'\\]|\\[\s\S]){0,500})'|\(((?:[^()\\]|\\[\s\S]){0,500})\)/y;
const MAX_ADDRESS = 2000;
const SPACE = /[ \t]*\n?[ \t]*/y;
const MAX_PARENS = 32;

export interface Target {
  address: string;
  title: string;
  /** Where the text goes on. */
  end: number;
}

/** Read `(address "title")` from its opening bracket on, or null where it is none. */
export function readTarget(text: string, open: number): Target | null {
  if (text[open] !== "(") return null;
  const start = passSpace(text, open + 1);
  const address = text[start] === "<" ? readAngled(text, start) : readBare(text, start);
  if (!address) return null;
  const gap = passSpace(text, address.end);
  const title = gap > address.end ? readTitle(text, gap) : null;
  const end = title ? passSpace(text, title.end) : gap;
  if (text[end] !== ")") return null;
  return { address: unescapeText(address.text), title: unescapeText(title?.text ?? ""), end: end + 1 };
}

interface Piece {
  text: string;
  end: number;
}

function passSpace(text: string, at: number): number {
  SPACE.lastIndex = at;
  return at + (SPACE.exec(text)?.[0].length ?? 0);
}

function readAngled(text: string, at: number): Piece | null {
  ANGLED.lastIndex = at;
  const found = ANGLED.exec(text);
  return found ? { text: found[1] as string, end: ANGLED.lastIndex } : null;
}

/** An address without brackets around it: no white space, and its round brackets come in pairs. */
function readBare(text: string, at: number): Piece | null {
  let depth = 0;
  let end = at;
  for (; end < text.length && end - at <= MAX_ADDRESS; end++) {
    const char = text.charCodeAt(end);
    if (char <= 0x20) break;
    if (char === 0x5c && text.charCodeAt(end + 1) > 0x20) end += 1;
    else if (char === 0x28 && ++depth > MAX_PARENS) return null;
    else if (char === 0x29 && --depth < 0) break;
  }
  return depth > 0 || end > text.length ? null : { text: text.slice(at, end), end };
}

function readTitle(text: string, at: number): Piece | null {
  TITLE.lastIndex = at;
  const found = TITLE.exec(text);
  return found ? { text: found[1] ?? found[2] ?? found[3] ?? "", end: TITLE.lastIndex } : null;
}
