/**
 * Lines to blocks as CommonMark and GitHub define them, a line at a time and without looking back: what a block is never
 * depends on what follows after it was closed. Left out on purpose: raw HTML (it is text) and link reference definitions (they
 * would change what came before them).
 */
import type { Block } from "./block";
import { Line } from "./line";
import { Stack } from "./stack";
import * as starts from "./starts";
import { columns } from "./table";

/** Markers of quotes and lists that are deeper are text. */
const MAX_DEPTH = 32;

/** What became of an attempt to begin a block: a container goes on with the same line, a leaf has used it up. */
type Outcome = "container" | "leaf" | null;

export class BlockParser {
  private constructor(private readonly stack: Stack) {}

  static create(): BlockParser {
    return new BlockParser(Stack.create());
  }

  get root(): Block {
    return this.stack.root;
  }

  get tip(): Block {
    return this.stack.tip;
  }

  /** A parser that goes on from here on its own. */
  fork(): BlockParser {
    return new BlockParser(this.stack.fork());
  }

  /** Read a line, without its line break. */
  read(text: string): void {
    this.stack.nextLine();
    const line = new Line(text);
    const matched = this.goOn(line);
    if (matched === 0) return;
    const depth = this.beginAll(line, matched);
    if (depth === 0) this.stack.touch();
    else this.place(line, depth, depth === matched);
  }

  /** Nothing follows. */
  finish(): void {
    this.stack.finish();
  }

  /** Begin what begins in this line. Returns how deep its text belongs; 0 where none is left. */
  private beginAll(line: Line, matched: number): number {
    let depth = matched;
    while (!isVerbatim(this.stack.at(depth))) {
      const outcome = begin(this.stack, line, depth);
      if (outcome === "leaf") return 0;
      if (outcome === null) break;
      depth = this.stack.depth;
    }
    return depth;
  }

  /** How many of the open blocks go on in this line; 0 where it is used up. */
  private goOn(line: Line): number {
    for (let depth = 2; depth <= this.stack.depth; depth++) {
      const verdict = goesOn(this.stack.at(depth), line);
      if (verdict === "no") return depth - 1;
      if (this.stack.at(depth).kind === "quote") this.stack.touch(depth);
      if (verdict === "closed") {
        this.stack.touch();
        this.stack.truncate(depth - 1);
        return 0;
      }
    }
    return this.stack.depth;
  }

  /** Put what is left of the line where it belongs. */
  private place(line: Line, depth: number, nothingBegan: boolean): void {
    const lazy = nothingBegan && depth < this.stack.depth && this.tip.kind === "paragraph" && !line.blank;
    if (!lazy) this.stack.truncate(depth);
    if (isVerbatim(this.tip)) addVerbatim(this.tip, line);
    else if (line.blank) return;
    else if (this.tip.kind === "paragraph") this.tip.text += `\n${line.content}`;
    else if (this.tip.kind === "table") this.tip.rows.push(line.content);
    else beginParagraph(this.stack, line);
    if (!line.blank || this.tip.fence) this.stack.touch();
  }
}

function isVerbatim(block: Block): boolean {
  return block.kind === "code" || block.kind === "formula";
}

function goesOn(block: Block, line: Line): "yes" | "no" | "closed" {
  switch (block.kind) {
    case "quote":
      return quoteGoesOn(line);
    case "item":
      return itemGoesOn(block, line);
    case "code":
      return codeGoesOn(block, line);
    case "formula":
      return formulaGoesOn(block, line);
    case "paragraph":
    case "table":
      return line.blank ? "no" : "yes";
    case "list":
      return "yes";
    default:
      return "no";
  }
}

function quoteGoesOn(line: Line): "yes" | "no" {
  if (line.indent > 3 || !line.content.startsWith(">")) return "no";
  line.pass(">");
  line.skip(1);
  return "yes";
}

function itemGoesOn(item: Block, line: Line): "yes" | "no" {
  const goesOn = line.blank ? item.children.length > 0 : line.indent >= item.padding;
  if (goesOn) line.skip(item.padding);
  return goesOn ? "yes" : "no";
}

function codeGoesOn(code: Block, line: Line): "yes" | "no" | "closed" {
  if (code.fence) {
    if (starts.closesFence(code.fence, line)) return "closed";
    line.skip(code.indent);
    return "yes";
  }
  if (line.indent < 4 && !line.blank) return "no";
  line.skip(4);
  return "yes";
}

function formulaGoesOn(formula: Block, line: Line): "yes" | "no" | "closed" {
  if (line.blank) return "no";
  const last = starts.closesFormula(formula.fence, line.content);
  if (last === null) return "yes";
  formula.text += last;
  formula.fence = "";
  return "closed";
}

function addVerbatim(block: Block, line: Line): void {
  block.text += `${line.rest}\n`;
  if (block.kind === "formula") block.source += `\n${line.content}`;
}

function beginParagraph(stack: Stack, line: Line): void {
  const parent = stack.tip;
  const box = parent.kind === "item" && parent.children.length === 0 ? starts.task(line.content) : null;
  if (box) parent.task = box.task;
  stack.push("paragraph", { text: box ? box.text : line.content });
}

function begin(stack: Stack, line: Line, depth: number): Outcome {
  if (line.blank) return null;
  if (line.indent > 3) return beginIndentedCode(stack, line, depth);
  const content = line.content;
  if (content.startsWith(">")) return beginQuote(stack, line, depth);
  return beginLeaf(stack, content, line.indent, depth) ?? beginItem(stack, line, depth);
}

function beginIndentedCode(stack: Stack, line: Line, depth: number): Outcome {
  if (stack.tip.kind === "paragraph" || stack.at(depth).kind === "table") return null;
  stack.truncate(depth);
  line.skip(4);
  stack.push("code", { text: `${line.rest}\n` });
  return "leaf";
}

function beginQuote(stack: Stack, line: Line, depth: number): Outcome {
  if (depth >= MAX_DEPTH) return null;
  line.pass(">");
  line.skip(1);
  stack.truncate(depth);
  stack.push("quote");
  return "container";
}

function beginItem(stack: Stack, line: Line, depth: number): Outcome {
  const found = starts.listMarker(line.content, stack.at(depth).kind === "paragraph");
  if (!found || depth >= MAX_DEPTH) return null;
  const before = line.indent + found.text.length;
  line.pass(found.text);
  const after = line.indent >= 1 && line.indent <= 4 && !line.blank ? line.indent : 1;
  line.skip(after);
  stack.truncate(depth);
  const { marker, ordered, start } = found;
  if (stack.tip.kind !== "list" || stack.tip.marker !== marker) stack.push("list", { marker, ordered, start });
  stack.push("item", { padding: before + after });
  return "container";
}

function beginLeaf(stack: Stack, content: string, indent: number, depth: number): Outcome {
  if (stack.at(depth).kind === "paragraph" && convert(stack, content, depth)) return "leaf";
  const add = leaf(content, indent);
  if (!add) return null;
  stack.truncate(depth);
  add(stack);
  return "leaf";
}

/** A line that says what the paragraph above it really is: a heading, or the head of a table. */
function convert(stack: Stack, content: string, depth: number): boolean {
  const paragraph = stack.at(depth);
  const lastBreak = paragraph.text.lastIndexOf("\n");
  const head = paragraph.text.slice(lastBreak + 1);
  const aligns = columns(head, content);
  if (aligns && lastBreak < 0) Object.assign(paragraph, { kind: "table", text: "", aligns, rows: [head] });
  else if (aligns) {
    paragraph.text = paragraph.text.slice(0, lastBreak);
    stack.push("table", { aligns, rows: [head] });
  } else if (starts.isUnderline(content)) {
    Object.assign(paragraph, { kind: "heading", level: content.startsWith("=") ? 1 : 2 });
  } else return false;
  return true;
}

function leaf(content: string, indent: number): ((stack: Stack) => void) | null {
  const heading = starts.heading(content);
  if (heading) return (stack) => stack.push("heading", heading);
  const fence = starts.fence(content);
  if (fence) return (stack) => stack.push("code", { ...fence, indent });
  const formula = starts.formula(content);
  if (formula) return (stack) => beginFormula(stack, formula, content);
  if (starts.isRule(content)) return (stack) => stack.push("rule");
  return null;
}

function beginFormula(stack: Stack, formula: starts.FormulaStart, source: string): void {
  const text = formula.whole ? formula.text : `${formula.text}\n`;
  stack.push("formula", { text, fence: formula.whole ? "" : formula.closer, source });
  if (formula.whole) stack.truncate(stack.depth - 1);
}
