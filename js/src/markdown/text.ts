/** Small readers of text. They walk instead of searching by pattern: `/ +$/` takes quadratic time on a text of spaces. */

/** How many of these characters the text ends with. */
export function countAtEnd(text: string, chars: string): number {
  let start = text.length;
  while (start > 0 && chars.includes(text.charAt(start - 1))) start -= 1;
  return text.length - start;
}

/** The text without these characters at its end. */
export function trimEnd(text: string, chars = " \t\n"): string {
  return text.slice(0, text.length - countAtEnd(text, chars));
}

/** How often this character stands here, one behind the other. */
export function countFrom(text: string, char: string, at: number): number {
  let end = at;
  while (text[end] === char) end += 1;
  return end - at;
}
