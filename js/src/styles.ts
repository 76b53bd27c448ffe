import { h } from "./dom";
import { once } from "./page";
import css from "./styles.css?inline";

/** Give a shadow tree our styles: one sheet for all outputs of a page, where the browser can share it. */
export function applyStyles(root: ShadowRoot): void {
  const sheet = once(`styles ${css}`, makeSheet);
  if (sheet) root.adoptedStyleSheets = [sheet];
  else root.append(h("style", "", css));
}

function makeSheet(): CSSStyleSheet | null {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    return sheet;
  } catch {
    return null;
  }
}
