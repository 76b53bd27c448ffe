/** The messages of docs/widget-protocol.md. What comes in is checked: a message that is not well formed is ignored. */

export const VERSION = 1;

export const PHASES = ["starting", "loading", "queued", "prefill", "decode", "stopping"] as const;
export const OUTCOMES = ["done", "stopped", "failed"] as const;
export const LANGUAGES = ["markdown", "json", "table", "text"] as const;
export const PARTS = ["highlight", "math"] as const;

export type Phase = (typeof PHASES)[number];
export type Outcome = (typeof OUTCOMES)[number];
export type Language = (typeof LANGUAGES)[number];
export type PartName = (typeof PARTS)[number];

export interface Status {
  type: "status";
  seq: number;
  phase: Phase;
  label: string;
  fraction: number | null;
  language: Language;
}

export interface Delta {
  type: "delta";
  seq: number;
  at: number;
  text: string;
}

export interface End {
  type: "end";
  seq: number;
  outcome: Outcome;
  footer: string;
}

export interface Replay {
  type: "replay";
  seq: number;
  to: string;
  text: string;
  status: Status | null;
  end: End | null;
}

export interface Part {
  type: "part";
  to: string;
  name: PartName;
  code: string;
}

export type FromKernel = Status | Delta | End | Replay | Part;

export type ToKernel =
  | { type: "hello"; version: number }
  | { type: "replay"; view: string }
  | { type: "stop" }
  | { type: "need"; view: string; name: PartName };

type Fields = Record<string, unknown>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isFraction = (value: unknown): value is number | null =>
  value === null || (typeof value === "number" && value >= 0 && value <= 1);
const isOneOf = <T extends string>(values: readonly T[], value: unknown): value is T => values.includes(value as T);
const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;

/** Read a message from the kernel; null where it is none that this version knows. */
export function read(content: unknown): FromKernel | null {
  if (!isObject(content)) return null;
  switch (content.type) {
    case "status":
      return readStatus(content);
    case "delta":
      return readDelta(content);
    case "end":
      return readEnd(content);
    case "replay":
      return readReplay(content);
    case "part":
      return readPart(content);
    default:
      return null;
  }
}

function readStatus({ seq, phase, label, fraction, language }: Fields): Status | null {
  if (!isCount(seq) || !isOneOf(PHASES, phase) || !isText(label) || !isFraction(fraction)) return null;
  return { type: "status", seq, phase, label, fraction, language: readLanguage(language) };
}

/** What is in no language that this version knows is shown as it is: other than Markdown, that eats none of it. */
function readLanguage(language: unknown): Language {
  if (isAbsent(language)) return "markdown";
  return isOneOf(LANGUAGES, language) ? language : "text";
}

function readDelta({ seq, at, text }: Fields): Delta | null {
  return isCount(seq) && isCount(at) && isText(text) ? { type: "delta", seq, at, text } : null;
}

function readEnd({ seq, outcome, footer }: Fields): End | null {
  if (!isCount(seq) || !isOneOf(OUTCOMES, outcome) || !isText(footer)) return null;
  return { type: "end", seq, outcome, footer };
}

function readReplay({ seq, to, text, status, end }: Fields): Replay | null {
  const lastStatus = isObject(status) ? readStatus(status) : null;
  const lastEnd = isObject(end) ? readEnd(end) : null;
  const wellFormed = (lastStatus || isAbsent(status)) && (lastEnd || isAbsent(end));
  if (!isCount(seq) || !isText(to) || !isText(text) || !wellFormed) return null;
  return { type: "replay", seq, to, text, status: lastStatus, end: lastEnd };
}

function readPart({ to, name, code }: Fields): Part | null {
  return isText(to) && isOneOf(PARTS, name) && isText(code) ? { type: "part", to, name, code } : null;
}
