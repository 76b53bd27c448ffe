/** Markdown as it comes, to elements that are only ever appended to. */
import { h } from "../dom";
import { BlockParser } from "../markdown/blocks";
import { isUndecided } from "../markdown/undecided";
import { mount } from "./block-dom";
import { printable } from "./controls";
import { Children } from "./mount";
import type { Services } from "./services";

export class MarkdownDocument {
  readonly element = h("div", "markdown");
  private readonly parser = BlockParser.create();
  private readonly children: Children;
  /** The last line, until it ends. */
  private partial = "";

  constructor(services: Services) {
    this.children = new Children(this.element, (block) => mount(block, services));
  }

  /** Read more text, and show it: lines that are complete for good, the one that is not for now. */
  write(text: string): void {
    const lines = (this.partial + text).split("\n");
    this.partial = lines.pop() as string;
    for (const line of lines) this.read(this.parser, line);
    this.show(isUndecided(this.partial, this.parser.tip) ? this.parser : this.preview());
  }

  /** Nothing follows. */
  end(): void {
    if (this.partial !== "") this.read(this.parser, this.partial);
    this.partial = "";
    this.parser.finish();
    this.show(this.parser);
  }

  private read(parser: BlockParser, line: string): void {
    parser.read(printable(line.replace(/\r$/, "")));
  }

  private preview(): BlockParser {
    const fork = this.parser.fork();
    this.read(fork, this.partial);
    return fork;
  }

  /** A block that is being written is marked as busy: a screen reader reads it when it is whole. */
  private show(parser: BlockParser): void {
    const before = this.children.last?.element;
    this.children.update(parser.root.children);
    const last = this.children.last?.element;
    if (before && before !== last) before.removeAttribute("aria-busy");
    if (parser.root.open) last?.setAttribute("aria-busy", "true");
    else last?.removeAttribute("aria-busy");
  }
}
