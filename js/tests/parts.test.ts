import { beforeEach, describe, expect, it, vi } from "vitest";
import { Highlighter } from "../src/highlighter";
import { Parts } from "../src/parts";
import { create as createHighlight } from "../src/parts/highlight";
import { create as createMath } from "../src/parts/math";
import { Typesetter } from "../src/typesetter";

let version = 0;
let ask: ReturnType<typeof vi.fn<(name: string) => void>>;

const loadFrom = (products: Record<string, unknown>) => async (code: string) => ({ create: () => products[code] });

beforeEach(() => {
  version += 1;
  ask = vi.fn();
});

describe("a part", () => {
  const parts = (product: unknown = "product") => new Parts(`v${version}`, ask, loadFrom({ code: product }));

  it("is asked for once, and given to all that wait for it", async () => {
    const page = parts();
    const uses = [vi.fn(), vi.fn()];
    for (const use of uses) page.want("math", use);
    expect(ask.mock.calls).toEqual([["math"]]);
    await page.accept("math", "code");
    for (const use of uses) expect(use).toHaveBeenCalledExactlyOnceWith("product");
  });

  it("is there at once for the next model of the page, which asks for nothing", async () => {
    await parts().accept("highlight", "code");
    const use = vi.fn();
    parts().want("highlight", use);
    expect(use).toHaveBeenCalledWith("product");
    expect(ask).not.toHaveBeenCalled();
  });

  it("of another version is another part", async () => {
    await parts().accept("math", "code");
    new Parts("other", ask, loadFrom({})).want("math", vi.fn());
    expect(ask).toHaveBeenCalledOnce();
  });

  it("is asked for again when it does not come", () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    parts().want("math", vi.fn());
    parts().want("math", vi.fn());
    vi.setSystemTime(Date.now() + 11_000);
    parts().want("math", vi.fn());
    expect(ask).toHaveBeenCalledTimes(2);
    vi.useRealTimers();
  });

  it("that is broken leaves the text as it is", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const page = new Parts(`v${version}`, ask, async () => Promise.reject(new Error("no module")));
    const use = vi.fn();
    page.want("math", use);
    await page.accept("math", "code");
    expect(use).not.toHaveBeenCalled();
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });
});

describe("highlighting", () => {
  const painted = (code: HTMLElement) => vi.waitFor(() => expect(code.querySelector("span")).not.toBeNull(), 2000);
  const highlighter = () => {
    const parts = new Parts(`v${version}`, ask, loadFrom({ code: createHighlight() }));
    return { parts, highlighter: new Highlighter(parts) };
  };
  const codeElement = (text: string) => Object.assign(document.createElement("code"), { textContent: text });

  it("colours when the part has come, and again when the code has grown", async () => {
    const { parts, highlighter: colours } = highlighter();
    const code = codeElement("x = 1");
    colours.highlight(code, "x = 1", "python");
    expect(code.querySelector("span")).toBeNull();
    await parts.accept("highlight", "code");
    await painted(code);
    expect(code.innerHTML).toBe('x = <span class="hljs-number">1</span>');
    const number = code.querySelector("span");
    code.append("\ny = 'a'");
    colours.highlight(code, "x = 1\ny = 'a'", "python");
    await vi.waitFor(() => expect(code.querySelector(".hljs-string")?.textContent).toBe("'a'"));
    expect(code.textContent).toBe("x = 1\ny = 'a'");
    expect(code.querySelector("span")).toBe(number);
  });

  it("asks for the part only where there is a language", () => {
    const { highlighter: colours } = highlighter();
    colours.highlight(codeElement("x"), "x", "");
    expect(ask).not.toHaveBeenCalled();
    colours.highlight(codeElement("x"), "x", "python");
    expect(ask).toHaveBeenCalledExactlyOnceWith("highlight");
  });

  it("knows the languages that people ask for", () => {
    const highlight = createHighlight();
    const names =
      "python py javascript js typescript ts bash sh json yaml yml html xml css sql r julia c cpp c++ rust go java kotlin swift ruby " +
      "php latex tex markdown md diff dockerfile ini toml makefile csharp shell console pycon";
    for (const name of names.split(" ")) expect(highlight("x", name), name).not.toBeNull();
    expect(highlight("x", "klingon")).toBeNull();
  });

  it("changes no character", () => {
    const highlight = createHighlight();
    const text = "<b>&amp;</b> \"'`$ {a}` // \u00e9 🌍\n\tif (x) { return <div/>; }";
    for (const name of ["typescript", "xml", "php", "markdown", "bash"])
      expect(highlight(text, name)?.textContent).toBe(text);
  });
});

describe("formulas", () => {
  const place = (source: string) =>
    Object.assign(document.createElement("span"), { className: "formula", textContent: source });

  it("are typeset when the part has come", async () => {
    const parts = new Parts(`v${version}`, ask, loadFrom({ code: createMath() }));
    const element = place("$x^2$");
    new Typesetter(parts).typeset(element, "x^2", false);
    expect(element.textContent).toBe("$x^2$");
    await parts.accept("math", "code");
    expect(element.querySelector("math msup")?.textContent).toBe("x2");
    expect(element.className).toBe("formula typeset");
  });

  it("stay as they were written where they are wrong, too long, or without end", async () => {
    const parts = new Parts(`v${version}`, ask, loadFrom({ code: createMath() }));
    await parts.accept("math", "code");
    for (const tex of ["\\frac{", "\\nosuch", "x".repeat(5000), "\\def\\a{\\a\\a}\\a", "\\href{https://x.org}{x"]) {
      const element = place("source");
      new Typesetter(parts).typeset(element, tex, true);
      expect(element.textContent).toBe("source");
    }
  });

  it("stay in their place", () => {
    const formula = createMath()(
      "\\kern-5000em x \\rule{900em}{900em} \\hspace{99cm} \\raise{800pt}{y}",
      true,
    ) as Element;
    const values = [...formula.querySelectorAll("*")].flatMap((element) =>
      [...element.attributes].map(({ value }) => value),
    );
    expect(values.join(" ")).not.toMatch(/\d{3,}(?:\.\d+)?[a-z]/);
  });

  it("remember nothing from one to the next", () => {
    const math = createMath();
    math("\\gdef\\mine{1} \\mine", false);
    expect(() => math("\\mine", false)).toThrow();
  });

  it("are MathML that says whether it is displayed", () => {
    const math = createMath();
    const display = math("\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}", true) as Element;
    expect(display.namespaceURI).toBe("http://www.w3.org/1998/Math/MathML");
    expect(display.querySelectorAll("mtd").length).toBe(4);
    expect(display.getAttribute("display")).toBe("block");
    expect((math("x", false) as Element).getAttribute("display")).not.toBe("block");
  });
});
