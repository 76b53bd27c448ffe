import { button, h } from "../dom";
import type { Block } from "../markdown/block";
import { codePane, GrowingCode } from "./growing-code";
import { Mount } from "./mount";
import type { Services } from "./services";

/** The first word behind a fence, as far as it can be the name of a language. */
export function languageOf(info: string): string {
  return (/[a-z0-9+#_.-]{1,24}/i.exec(info)?.[0] ?? "").toLowerCase();
}

/** Code: its language and a copy button above it, colours when they come. */
export class CodeMount extends Mount {
  private readonly code: GrowingCode;

  constructor(block: Block, services: Services) {
    super(block, h("div", "code"));
    const language = languageOf(block.info);
    this.code = new GrowingCode(language, services);
    const head = h("div", "code-head", h("span", "", language), button("copy", "Copy code", "Copy"));
    this.element.append(head, codePane(language ? `Code, ${language}` : "Code", this.code.element));
  }

  update(block: Block): void {
    this.code.show(block.text.replace(/\n$/, ""));
  }
}
