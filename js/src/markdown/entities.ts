/** Character references. The five hundred rarest names stay as they are written. */
const NAMES: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  copy: "©",
  reg: "®",
  trade: "™",
  deg: "°",
  plusmn: "±",
  times: "×",
  divide: "÷",
  middot: "·",
  bull: "•",
  hellip: "…",
  ndash: "–",
  mdash: "—",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  laquo: "«",
  raquo: "»",
  larr: "←",
  uarr: "↑",
  rarr: "→",
  darr: "↓",
  harr: "↔",
  rArr: "⇒",
  hArr: "⇔",
  le: "≤",
  ge: "≥",
  ne: "≠",
  asymp: "≈",
  infin: "∞",
  sum: "∑",
  radic: "√",
  micro: "µ",
  para: "¶",
  sect: "§",
  euro: "€",
  pound: "£",
  yen: "¥",
  cent: "¢",
  frac12: "½",
  frac14: "¼",
  frac34: "¾",
  sup2: "²",
  sup3: "³",
  check: "✓",
  star: "☆",
};

const REFERENCE = /&(?:([a-zA-Z][a-zA-Z0-9]{1,31})|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));/y;

/** The reference that begins at an ampersand, or null where it is none that is known. */
export function reference(text: string, at: number): { text: string; length: number } | null {
  REFERENCE.lastIndex = at;
  const found = REFERENCE.exec(text);
  if (!found) return null;
  const named =
    found[1] === undefined ? character(found) : Object.hasOwn(NAMES, found[1]) ? NAMES[found[1]] : undefined;
  return named === undefined ? null : { text: named, length: found[0].length };
}

function character(found: RegExpExecArray): string {
  const code = found[2] === undefined ? Number.parseInt(found[3] as string, 16) : Number(found[2]);
  const refused = code < 0x20 || (code >= 0x7f && code < 0xa0) || code > 0x10ffff || (code >= 0xd800 && code < 0xe000);
  return refused && code !== 9 && code !== 10 ? "\ufffd" : String.fromCodePoint(code);
}

const ESCAPED = /\\([!-/:-@[-`{-~])|&[a-zA-Z0-9#]{2,33};/g;

/** Text with its backslash escapes and character references read. */
export function unescapeText(text: string): string {
  return text.replace(ESCAPED, (whole, char: string | undefined) => char ?? reference(whole, 0)?.text ?? whole);
}
