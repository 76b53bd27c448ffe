import { button, h } from "../dom";
import type { Block } from "../markdown/block";
import { Mount } from "./mount";
import type { Services } from "./services";

/** The first word behind a fence, as far as it can be the name of a language. */
export function languageOf(info: string): string {
  return (/[a-z0-9+#_.-]{1,24}/i.exec(info)?.[0] ?? "").toLowerCase();
}

/** Code: its language and a copy button above it, colours when they come. */
export class CodeMount extends Mount {
  private readonly code = h("code");
  private readonly language: string;

  constructor(
    block: Block,
    private readonly services: Services,
  ) {
    super(block, h("div", "code"));
    this.language = languageOf(block.info);
    if (this.language) this.code.className = `language-${this.language}`;
    const pre = h("pre", "", this.code);
    pre.tabIndex = 0;
    pre.setAttribute("role", "group");
    pre.setAttribute("aria-label", this.language ? `Code, ${this.language}` : "Code");
    const head = h("div", "code-head", h("span", "", this.language), button("copy", "Copy code", "Copy"));
    this.element.append(head, pre);
  }

  update(block: Block): void {
    const text = block.text.replace(/\n$/, "");
    this.grow(text);
    this.services.highlight(this.code, text, this.language);
  }

  /** Show the text: what is there, coloured or not, stays as long as it is how the text begins. */
  private grow(text: string): void {
    const shown = this.code.textContent ?? "";
    const last = this.code.lastChild;
    if (text === shown) return;
    if (!text.startsWith(shown)) this.code.replaceChildren(text);
    else if (last instanceof Text) last.appendData(text.slice(shown.length));
    else this.code.append(text.slice(shown.length));
  }
}
