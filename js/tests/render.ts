/** Renders Markdown as the widget does, without the widget. */
import { MarkdownDocument } from "../src/render/document";
import type { Services } from "../src/render/services";

export const noServices: Services = { highlight() {}, typeset() {} };

/** Render pieces of a text one after the other. */
export function renderPieces(pieces: string[], services: Services = noServices): HTMLElement {
  const page = new MarkdownDocument(services);
  for (const piece of pieces) page.write(piece);
  page.end();
  return page.element;
}

export const render = (text: string): HTMLElement => renderPieces([text]);

/** Cut a text at these places. */
export function cut(text: string, places: number[]): string[] {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [...ends, text.length].map((end, index) => text.slice(index === 0 ? 0 : ends[index - 1], end));
}
