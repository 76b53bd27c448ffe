/** A text to tokens: everything is read once, from left to right; brackets and runs are paired on the way. */
import { pair, readRun } from "./emphasis";
import { reference } from "./entities";
import { FormulaReader } from "./formulas";
import type { Inline } from "./inline";
import { plainText } from "./inline";
import { safeHref, safeImage } from "./links";
import { readTarget } from "./target";
import { countFrom, trimEnd } from "./text";
import type { Run, Token } from "./token";
import { buildTree } from "./tree";

const SPECIAL = /[\\`*_~[\]$&<\n]|!\[|https?:\/\//gi;
const PUNCTUATION = /[!-/:-@[-`{-~]/;
const ANGLED_LINK = /<([a-z][a-z0-9+.-]{1,31}:[^\s<>]{0,2000})>/iy;
const ANGLED_MAIL = /<([a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8})>/iy;
const BARE_LINK = /https?:\/\/[^\s<>"`[\]{}|\\^]{1,2000}/iy;

interface Bracket {
  /** Where its token is; what follows is the label. */
  token: number;
  image: boolean;
}

export class Scanner {
  readonly tokens: Token[] = [];
  private at = 0;
  private readonly brackets: Bracket[] = [];
  /** Brackets below this one hold a link already, and so cannot become one. */
  private spent = 0;
  private readonly formulas: FormulaReader;
  private ticks: Map<number, number[]> | null = null;

  constructor(private readonly text: string) {
    this.formulas = new FormulaReader(text);
  }

  /** Read it all, and return the runs that found no partner. */
  scan(): Run[] {
    while (this.at < this.text.length) {
      SPECIAL.lastIndex = this.at;
      const special = SPECIAL.exec(this.text);
      const until = special ? special.index : this.text.length;
      this.say(this.text.slice(this.at, until));
      this.at = until;
      if (special) this.readSpecial(special[0]);
    }
    return pair(this.runsFrom(0));
  }

  private readSpecial(special: string): void {
    const taken = this.attempt(special);
    if (taken > 0) this.at += taken;
    else {
      this.say(special);
      this.at += special.length;
    }
  }

  /** Read a construct, and return how long it is; 0 where the characters stand for themselves. */
  private attempt(special: string): number {
    switch (special) {
      case "\\":
        return this.readEscape();
      case "`":
        return this.readCode();
      case "*":
      case "_":
      case "~":
        return this.readRun();
      case "[":
      case "![":
        return this.readOpening(special);
      case "]":
        return this.readClosing();
      case "$":
        return this.readFormula();
      case "&":
        return this.readReference();
      case "<":
        return this.readAngled();
      case "\n":
        return this.readBreak();
      default:
        return this.readBareLink();
    }
  }

  private say(text: string): void {
    if (text !== "") this.add({ kind: "text", text });
  }

  private add(node: Inline): void {
    this.tokens.push({ kind: "node", node });
  }

  private readEscape(): number {
    const next = this.text[this.at + 1] ?? "";
    const formula = next === "(" || next === "[" ? this.readFormula() : 0;
    if (formula > 0) return formula;
    if (next === "\n") {
      this.add({ kind: "break" });
      return 2 + countFrom(this.text, " ", this.at + 2);
    }
    if (!PUNCTUATION.test(next)) return 0;
    this.say(next);
    return 2;
  }

  private readFormula(): number {
    const found = this.formulas.read(this.at);
    if (!found) return 0;
    this.add(found.node);
    return found.end - this.at;
  }

  private readCode(): number {
    const start = this.at + countFrom(this.text, "`", this.at);
    const end = this.closingTicks(start - this.at, start);
    if (end < 0) {
      this.say(this.text.slice(this.at, start));
      return start - this.at;
    }
    const inside = this.text.slice(start, end).replaceAll("\n", " ");
    const padded = /^ .* $/s.test(inside) && inside.trim() !== "";
    this.add({ kind: "code", text: padded ? inside.slice(1, -1) : inside });
    return end + (start - this.at) - this.at;
  }

  private closingTicks(size: number, after: number): number {
    this.ticks ??= indexTicks(this.text);
    const places = this.ticks.get(size) ?? [];
    while (places.length > 0 && (places.at(-1) as number) < after) places.pop();
    return places.at(-1) ?? -1;
  }

  private readRun(): number {
    const run = readRun(this.text, this.at);
    this.tokens.push(run);
    return run.size;
  }

  private readOpening(special: string): number {
    this.brackets.push({ token: this.tokens.length, image: special === "![" });
    this.say(special);
    return special.length;
  }

  private readClosing(): number {
    const bracket = this.brackets.pop();
    if (!bracket) return 0;
    const spent = this.brackets.length < this.spent;
    this.spent = Math.min(this.spent, this.brackets.length);
    if (spent && !bracket.image) return 0;
    const target = readTarget(this.text, this.at + 1);
    const made = target && (bracket.image ? this.makeImage(bracket, target) : this.makeLink(bracket, target));
    return made ? target.end - this.at : 0;
  }

  private makeLink(bracket: Bracket, target: { address: string; title: string }): boolean {
    const href = safeHref(target.address);
    if (href === null) return false;
    pair(this.runsFrom(bracket.token));
    this.settleRuns(bracket.token);
    this.tokens[bracket.token] = { kind: "link", href, title: target.title };
    this.tokens.push({ kind: "end" });
    this.spent = this.brackets.length;
    return true;
  }

  private makeImage(bracket: Bracket, target: { address: string }): boolean {
    const src = safeImage(target.address);
    if (src === null) return false;
    pair(this.runsFrom(bracket.token));
    const alt = plainText(buildTree(this.tokens.splice(bracket.token).slice(1), 0));
    this.add({ kind: "image", src, alt });
    return true;
  }

  private runsFrom(token: number): Run[] {
    return this.tokens.slice(token).filter((one) => one.kind === "run" && one.left > 0) as Run[];
  }

  /** What is in a link is decided: a run that found no partner there finds none outside. */
  private settleRuns(token: number): void {
    for (const run of this.runsFrom(token)) Object.assign(run, { canOpen: false, canClose: false });
  }

  private readReference(): number {
    const found = reference(this.text, this.at);
    if (!found) return 0;
    this.say(found.text);
    return found.length;
  }

  private readAngled(): number {
    ANGLED_LINK.lastIndex = this.at;
    const link = ANGLED_LINK.exec(this.text);
    if (link) return this.addLink(link[1] as string, link[1] as string) ? link[0].length : 0;
    ANGLED_MAIL.lastIndex = this.at;
    const mail = ANGLED_MAIL.exec(this.text);
    return mail && this.addLink(`mailto:${mail[1]}`, mail[1] as string) ? mail[0].length : 0;
  }

  private readBareLink(): number {
    if (/\w/.test(this.text[this.at - 1] ?? "")) return 0;
    BARE_LINK.lastIndex = this.at;
    const address = trimLink(BARE_LINK.exec(this.text)?.[0] ?? "");
    return this.addLink(address, address) ? address.length : 0;
  }

  private addLink(address: string, label: string): boolean {
    const href = safeHref(address);
    if (href === null) return false;
    this.add({ kind: "link", href, title: "", children: [{ kind: "text", text: label }] });
    return true;
  }

  /** A line ends. It ends in the output too: people who write for a chat mean it. */
  private readBreak(): number {
    const last = this.tokens.at(-1);
    if (last?.kind === "node" && last.node.kind === "text") last.node.text = trimEnd(last.node.text);
    this.add({ kind: "break" });
    return 1 + countFrom(this.text, " ", this.at + 1);
  }
}

/** Where the runs of ticks are, by their lengths, the last first. */
function indexTicks(text: string): Map<number, number[]> {
  const places = new Map<number, number[]>();
  for (const run of [...text.matchAll(/`+/g)].reverse()) {
    const known = places.get(run[0].length);
    if (known) known.push(run.index);
    else places.set(run[0].length, [run.index]);
  }
  return places;
}

/** The sentence's punctuation is not the address's, nor is a bracket that was opened before it. */
function trimLink(address: string): string {
  let unpaired = address.split(")").length - address.split("(").length;
  let end = address.length;
  for (; end > 0; end--) {
    const bracket = address[end - 1] === ")" && unpaired > 0;
    if (bracket) unpaired -= 1;
    else if (!/[?!.,:;*_~'$]/.test(address.charAt(end - 1))) break;
  }
  return address.slice(0, end);
}
