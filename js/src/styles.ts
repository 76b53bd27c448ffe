import { h } from "./dom";
import { once } from "./page";
import bar from "./styles/bar.css?inline";
import base from "./styles/base.css?inline";
import buttons from "./styles/buttons.css?inline";
import code from "./styles/code.css?inline";
import columns from "./styles/columns.css?inline";
import formulas from "./styles/formulas.css?inline";
import highlighting from "./styles/highlighting.css?inline";
import markdown from "./styles/markdown.css?inline";
import motion from "./styles/motion.css?inline";
import tables from "./styles/tables.css?inline";
import text from "./styles/text.css?inline";
import thinking from "./styles/thinking.css?inline";

const css = [base, bar, buttons, text, columns, thinking, markdown, code, tables, formulas, highlighting, motion].join(
  "\n",
);

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
