import { h } from "../dom";
import type { Align, Block } from "../markdown/block";
import type { Inline } from "../markdown/inline";
import { parseGrowing, parseInline } from "../markdown/parse-inline";
import { cells } from "../markdown/table";
import { patch } from "./inline-dom";
import { Mount } from "./mount";
import type { Services } from "./services";

interface Row {
  element: HTMLElement;
  cells: { element: HTMLElement; shown: Inline[] }[];
}

/** A table. Only its last row may still change. */
export class TableMount extends Mount {
  private readonly head = h("thead");
  private readonly body = h("tbody");
  private readonly rows: Row[] = [];

  constructor(
    block: Block,
    private readonly services: Services,
  ) {
    super(block, h("div", "table"));
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Table");
    this.element.append(h("table", "", this.head, this.body));
  }

  update(block: Block): void {
    const count = block.rows.length;
    for (let index = Math.max(0, Math.min(this.rows.length, count) - 1); index < count; index++) {
      const row = this.rows[index] ?? this.addRow(block.aligns);
      this.show(row, cells(block.rows[index] as string), block.open && index === count - 1);
    }
    while (this.rows.length > count) this.rows.pop()?.element.remove();
  }

  private addRow(aligns: Align[]): Row {
    const isHead = this.rows.length === 0;
    const made = aligns.map((align) => ({ element: makeCell(isHead ? "th" : "td", align), shown: [] }));
    const row = { element: h("tr", "", ...made.map((cell) => cell.element)), cells: made };
    (isHead ? this.head : this.body).append(row.element);
    this.rows.push(row);
    return row;
  }

  private show(row: Row, texts: string[], growing: boolean): void {
    for (const [index, cell] of row.cells.entries()) {
      const text = texts[index] ?? "";
      const inline = growing ? parseGrowing(text) : parseInline(text);
      patch(cell.element, cell.shown, inline, this.services);
      cell.shown = inline;
    }
  }
}

function makeCell(tag: "th" | "td", align: Align): HTMLElement {
  const cell = h(tag, align ?? "");
  if (tag === "th") cell.setAttribute("scope", "col");
  return cell;
}
