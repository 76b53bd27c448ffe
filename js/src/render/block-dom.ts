/** Blocks to elements. */
import { h } from "../dom";
import type { Block } from "../markdown/block";
import type { Inline } from "../markdown/inline";
import { parseGrowing, parseInline } from "../markdown/parse-inline";
import { CodeMount } from "./code-dom";
import { patch } from "./inline-dom";
import { Children, Mount } from "./mount";
import type { Services } from "./services";
import { TableMount } from "./table-dom";

export function mount(block: Block, services: Services): Mount {
  switch (block.kind) {
    case "list":
      return new ListMount(block, services);
    case "item":
      return new ItemMount(block, services);
    case "code":
      return new CodeMount(block, services);
    case "formula":
      return new FormulaMount(block, services);
    case "table":
      return new TableMount(block, services);
    case "rule":
      return new RuleMount(block, h("hr"));
    case "heading":
      return new TextMount(block, h(`h${block.level as 1 | 2 | 3 | 4 | 5 | 6}`), services);
    case "paragraph":
      return new TextMount(block, h("p"), services);
    default:
      return new ContainerMount(block, h("blockquote"), services);
  }
}

class RuleMount extends Mount {
  update(): void {}
}

class TextMount extends Mount {
  private shown: Inline[] = [];
  private text: string | null = null;

  constructor(
    block: Block,
    element: HTMLElement,
    private readonly services: Services,
  ) {
    super(block, element);
  }

  update(block: Block): void {
    if (block.open && block.text === this.text) return;
    this.text = block.text;
    const inline = block.open ? parseGrowing(block.text) : parseInline(block.text);
    patch(this.element, this.shown, inline, this.services);
    this.shown = inline;
  }
}

class ContainerMount extends Mount {
  private readonly children: Children;

  constructor(block: Block, element: HTMLElement, services: Services) {
    super(block, element);
    this.children = new Children(element, (child) => mount(child, services));
  }

  update(block: Block): void {
    this.children.update(block.children);
  }
}

class ListMount extends ContainerMount {
  constructor(block: Block, services: Services) {
    super(block, h(block.ordered ? "ol" : "ul"), services);
    if (block.start !== 1) (this.element as HTMLOListElement).start = block.start;
  }

  override update(block: Block): void {
    this.element.className = block.loose ? "" : "tight";
    super.update(block);
  }
}

class ItemMount extends ContainerMount {
  constructor(block: Block, services: Services) {
    super(block, h("li"), services);
  }

  override update(block: Block): void {
    if (block.task) this.element.className = `task ${block.task}`;
    else this.element.removeAttribute("class");
    super.update(block);
  }
}

class FormulaMount extends Mount {
  private shown: string | null = null;

  constructor(
    block: Block,
    private readonly services: Services,
  ) {
    super(block, h("div", "formula display"));
  }

  update(block: Block): void {
    const key = `${block.fence} ${block.text}`;
    if (key === this.shown) return;
    this.shown = key;
    this.element.textContent = block.text.trim();
    if (!block.fence) this.services.typeset(this.element, block.text, true);
  }
}
