import { h } from "../dom";
import type { Services } from "./services";

/** Text that grows in a code element, with colours when they come. */
export class GrowingCode {
  readonly element = h("code");

  constructor(
    private readonly language: string,
    private readonly services: Services,
  ) {
    if (language) this.element.className = `language-${language}`;
  }

  /** Show the text: what is there, coloured or not, stays as long as it is how the text begins. */
  show(text: string): void {
    this.grow(text);
    this.services.highlight(this.element, text, this.language);
  }

  private grow(text: string): void {
    const shown = this.element.textContent ?? "";
    const last = this.element.lastChild;
    if (text === shown) return;
    if (!text.startsWith(shown)) this.element.replaceChildren(text);
    else if (last instanceof Text) last.appendData(text.slice(shown.length));
    else this.element.append(text.slice(shown.length));
  }
}

/** A pre that the keyboard can scroll. */
export function codePane(label: string, code: HTMLElement): HTMLPreElement {
  const pre = h("pre", "", code);
  pre.tabIndex = 0;
  pre.setAttribute("role", "group");
  pre.setAttribute("aria-label", label);
  return pre;
}
