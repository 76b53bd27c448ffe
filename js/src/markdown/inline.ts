/** What stands in a line of text: a tree of plain values. The renderer makes nodes of it; no HTML is ever parsed. */
export type Inline =
  | { kind: "text" | "code"; text: string }
  | { kind: "break" }
  | { kind: "formula"; tex: string; display: boolean; source: string; whole: boolean }
  | { kind: "image"; src: string; alt: string }
  | { kind: "em" | "strong" | "del"; children: Inline[] }
  | { kind: "link"; href: string; title: string; children: Inline[] };

export type Styled = Extract<Inline, { children: Inline[] }>;

export function plainText(nodes: Inline[]): string {
  return nodes.map(textOf).join("");
}

function textOf(node: Inline): string {
  switch (node.kind) {
    case "text":
    case "code":
      return node.text;
    case "break":
      return " ";
    case "formula":
      return node.source;
    case "image":
      return node.alt;
    default:
      return plainText(node.children);
  }
}
