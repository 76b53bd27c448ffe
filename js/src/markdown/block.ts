/** The blocks of a document: a tree whose right edge is open. */

export type Kind = "root" | "quote" | "list" | "item" | "paragraph" | "heading" | "code" | "formula" | "table" | "rule";

export type Align = "left" | "center" | "right" | null;

/** A block. Once it is closed it never changes, so what was rendered of it stays. */
export interface Block {
  /** Tells a block from its siblings, and finds its element again. */
  readonly id: number;
  kind: Kind;
  open: boolean;
  /** The last line that belongs to it; a gap before the next block makes a list loose. */
  lastLine: number;
  children: Block[];
  /** What a leaf says: a paragraph's lines, code, TeX. */
  text: string;
  /** list: the character that ends the markers of its items. */
  marker: string;
  ordered: boolean;
  start: number;
  loose: boolean;
  /** item: columns that its content is indented by. */
  padding: number;
  task: "open" | "done" | null;
  /** heading: 1 to 6. */
  level: number;
  /** code: the fence that opened it, "" where it is indented. formula: what closes it. */
  fence: string;
  /** code: columns before its fence. */
  indent: number;
  /** code: what stands after the fence. */
  info: string;
  /** formula: as it was written, for when it turns out to be none. */
  source: string;
  aligns: Align[];
  /** table: the lines, the head first. */
  rows: string[];
}

const BLANK: Omit<Block, "id" | "kind" | "lastLine" | "children" | "aligns" | "rows"> = {
  open: true,
  text: "",
  marker: "",
  ordered: false,
  start: 1,
  loose: false,
  padding: 0,
  task: null,
  level: 0,
  fence: "",
  indent: 0,
  info: "",
  source: "",
};

export function makeBlock(id: number, kind: Kind, line: number, given: Partial<Block> = {}): Block {
  return { ...BLANK, id, kind, lastLine: line, children: [], aligns: [], rows: [], ...given };
}

/** Copy what may still change, and share the rest. */
export function cloneOpen(block: Block): Block {
  return { ...block, children: block.children.slice(), rows: block.rows.slice() };
}

export function canContain(parent: Block, kind: Kind): boolean {
  if (parent.kind === "list") return kind === "item";
  return parent.kind === "root" || parent.kind === "quote" || parent.kind === "item";
}
