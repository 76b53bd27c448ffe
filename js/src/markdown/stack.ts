import { type Block, canContain, cloneOpen, type Kind, makeBlock } from "./block";

/** The open blocks, from the root to the innermost, and with the root the whole document. */
export class Stack {
  private constructor(
    private readonly path: Block[],
    private nextId: number,
    /** Lines read. */
    private lines: number,
  ) {}

  static create(): Stack {
    return new Stack([makeBlock(0, "root", 0)], 1, 0);
  }

  get root(): Block {
    return this.path[0] as Block;
  }

  get tip(): Block {
    return this.path.at(-1) as Block;
  }

  get depth(): number {
    return this.path.length;
  }

  at(depth: number): Block {
    return this.path[depth - 1] as Block;
  }

  /** A stack that goes on from here on its own; this one, and all that is closed, stays as it is. */
  fork(): Stack {
    const path = this.path.map(cloneOpen);
    for (const [index, block] of path.slice(1).entries()) {
      const siblings = (path[index] as Block).children;
      siblings[siblings.length - 1] = block;
    }
    return new Stack(path, this.nextId, this.lines);
  }

  nextLine(): void {
    this.lines += 1;
  }

  /** This line belongs to what is open, down to this depth. */
  touch(depth = this.depth): void {
    for (const block of this.path.slice(0, depth)) block.lastLine = this.lines;
  }

  /** Add a block, in the innermost that can contain one of its kind. */
  push(kind: Kind, given: Partial<Block> = {}): Block {
    while (!canContain(this.tip, kind)) this.truncate(this.depth - 1);
    this.loosen();
    const block = makeBlock(this.nextId, kind, this.lines, given);
    this.nextId += 1;
    this.tip.children.push(block);
    this.path.push(block);
    return block;
  }

  /** Close what is deeper. */
  truncate(depth: number): void {
    while (this.path.length > depth) close(this.path.pop() as Block);
  }

  finish(): void {
    this.truncate(1);
    this.root.open = false;
  }

  /** A blank line between two items, or within one, makes a list loose. */
  private loosen(): void {
    const before = this.tip.children.at(-1);
    if (!before || before.lastLine >= this.lines - 1) return;
    const list = this.tip.kind === "item" ? this.at(this.depth - 1) : this.tip;
    if (list.kind === "list") list.loose = true;
  }
}

function close(block: Block): void {
  block.open = false;
  if (block.kind === "formula" && block.fence) {
    block.kind = "paragraph"; // it was never closed, so it was none
    block.text = block.source;
  }
  if (block.kind === "code" && !block.fence) block.text = block.text.replace(/\n+$/, "\n");
}
