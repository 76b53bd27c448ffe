/** Tables, as GitHub writes them. */
import type { Align } from "./block";
import { trimEnd } from "./text";

const DELIMITERS = /^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$/;

/** Cut a row at its bars; a bar behind a backslash belongs to the cell. */
export function cells(row: string): string[] {
  const found: string[] = [];
  let cell = "";
  for (let index = 0; index < row.length; index++) {
    const char = row[index] as string;
    if (char === "\\" && row[index + 1] === "|") cell += row[++index];
    else if (char === "|") {
      found.push(cell.trim());
      cell = "";
    } else cell += char;
  }
  found.push(cell.trim());
  if (found[0] === "") found.shift();
  if (found.at(-1) === "") found.pop();
  return found;
}

/** The columns that a line of dashes below this head declares, or null where it is none. */
export function columns(head: string, line: string): Align[] | null {
  if (!DELIMITERS.test(trimEnd(line)) || !head.includes("|")) return null;
  const dashes = cells(line);
  return dashes.length === cells(head).length ? dashes.map(alignment) : null;
}

function alignment(dashes: string): Align {
  if (dashes.endsWith(":")) return dashes.startsWith(":") ? "center" : "right";
  return dashes.startsWith(":") ? "left" : null;
}
