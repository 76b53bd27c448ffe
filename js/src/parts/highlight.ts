/** A lazy part: code to coloured nodes, by highlight.js. Its tokens become spans here; its HTML is not used. */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import julia from "highlight.js/lib/languages/julia";
import kotlin from "highlight.js/lib/languages/kotlin";
import latex from "highlight.js/lib/languages/latex";
import makefile from "highlight.js/lib/languages/makefile";
import markdown from "highlight.js/lib/languages/markdown";
import php from "highlight.js/lib/languages/php";
import python from "highlight.js/lib/languages/python";
import pythonRepl from "highlight.js/lib/languages/python-repl";
import r from "highlight.js/lib/languages/r";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import shell from "highlight.js/lib/languages/shell";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { h } from "../dom";

const LANGUAGES = {
  bash,
  c,
  cpp,
  csharp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  julia,
  kotlin,
  latex,
  makefile,
  markdown,
  php,
  python,
  "python-repl": pythonRepl,
  r,
  ruby,
  rust,
  shell,
  sql,
  swift,
  typescript,
  xml,
  yaml,
};

/** A node of highlight.js's token tree. */
type Token = string | { scope?: string; children: Token[] };

export function create(): (code: string, language: string) => Node | null {
  for (const [name, grammar] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, grammar);
  return highlight;
}

function highlight(code: string, language: string): Node | null {
  if (!hljs.getLanguage(language)) return null;
  const { _emitter } = hljs.highlight(code, { language, ignoreIllegals: true });
  const coloured = document.createDocumentFragment();
  for (const token of (_emitter as unknown as { rootNode: { children: Token[] } }).rootNode.children) {
    coloured.append(make(token));
  }
  coloured.normalize();
  return coloured;
}

function make(token: Token): Node | string {
  if (typeof token === "string") return token;
  return h("span", className(token.scope), ...token.children.map(make));
}

/** "title.function" is the class hljs-title; a scope that names a language has none. */
function className(scope = ""): string {
  return /^[a-z][a-z0-9_-]*/.test(scope) && !scope.includes(":") ? `hljs-${scope.split(".")[0]}` : "";
}
