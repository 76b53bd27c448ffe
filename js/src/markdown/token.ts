import type { Inline, Styled } from "./inline";

/** A run of one character that may style what follows or what came before: `*`, `_` or `~`. */
export interface Run {
  kind: "run";
  char: string;
  at: number;
  size: number;
  canOpen: boolean;
  canClose: boolean;
  /** Characters that stand for themselves, until they are paired. */
  left: number;
  /** How many styles end here. */
  closes: number;
  /** The styles that begin here, the innermost first. */
  opens: Styled["kind"][];
}

/** The flat form of a text, in which brackets and runs are still being paired. */
export type Token =
  | { kind: "node"; node: Inline }
  | { kind: "link"; href: string; title: string }
  | { kind: "end" }
  | Run;
