/** Flat tokens to a tree. */
import type { Inline, Styled } from "./inline";
import type { Run, Token } from "./token";

/** Styles that are nested deeper are left out; their text stays. */
const MAX_DEPTH = 16;

/** What is open; null where a style was left out. */
type Frame = Styled | null;

/** Build the tree; `openEnds` styles end with the text. */
export function buildTree(tokens: Token[], openEnds: number): Inline[] {
  const tree = new Tree();
  for (const token of tokens) tree.read(token);
  for (let left = openEnds; left > 0; left--) tree.close();
  return tree.roots;
}

class Tree {
  readonly roots: Inline[] = [];
  private readonly frames: Frame[] = [];
  /** The frames that were not left out. */
  private readonly styles: Styled[] = [];
  private inLink = false;

  read(token: Token): void {
    if (token.kind === "run") this.readRun(token);
    else if (token.kind === "end") this.close();
    else if (token.kind === "link") this.open({ ...token, children: [] });
    else if (this.inLink && token.node.kind === "link") for (const child of token.node.children) this.add(child);
    else if (this.inLink && token.node.kind === "image") this.add({ kind: "text", text: token.node.alt || "image" });
    else this.add(token.node);
  }

  close(): void {
    const frame = this.frames.pop();
    if (!frame) return;
    this.styles.pop();
    if (frame.kind === "link") this.inLink = false;
  }

  private readRun(run: Run): void {
    for (let left = run.closes; left > 0; left--) this.close();
    if (run.left > 0) this.add({ kind: "text", text: run.char.repeat(run.left) });
    for (const kind of run.opens.toReversed()) this.open({ kind, children: [] } as Styled);
  }

  private open(node: Styled): void {
    if (this.styles.length >= MAX_DEPTH) {
      this.frames.push(null);
      return;
    }
    this.add(node);
    this.frames.push(node);
    this.styles.push(node);
    if (node.kind === "link") this.inLink = true;
  }

  private add(node: Inline): void {
    const siblings = this.styles.at(-1)?.children ?? this.roots;
    const before = siblings.at(-1);
    if (node.kind === "text" && before?.kind === "text") before.text += node.text;
    else siblings.push(node.kind === "text" ? { ...node } : node);
  }
}
