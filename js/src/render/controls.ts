// Escape sequences and the like: a terminal would obey them, a page shows boxes.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** The text without control characters. */
export function printable(text: string): string {
  return text.replace(CONTROLS, "\ufffd");
}
