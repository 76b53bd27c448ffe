/** Is it too early to show a line? A dash may become an item, a rule, or the end of a heading. */
import type { Block } from "./block";

const MARKERS = /^[ \t>]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)*/;
const HALF_TASK = /^\[[ xX]?\]?$/;
const NOTHING_BUT_SIGNS = /^[-+*_=#~`|:$\\.)\d \t]*$/;
const HALF_FENCE = /^(?:`{3,}[^`]*|~{3,}.*)$/;
const HALF_FENCE_END = /^[ \t>]*[`~]*$/;

/** Whether what there is of a line tells too little to be shown; `tip` is the block that it may go on. */
export function isUndecided(partial: string, tip: Block): boolean {
  if (tip.kind === "formula") return partial === "";
  if (tip.kind === "code" && tip.fence) return HALF_FENCE_END.test(partial);
  const content = partial.slice(MARKERS.exec(partial)?.[0].length ?? 0);
  return NOTHING_BUT_SIGNS.test(content) || HALF_TASK.test(content) || HALF_FENCE.test(content);
}
