import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import widget from "../src/index";
import { FakeModel } from "./fake-model";

let model: FakeModel;
let place: HTMLElement;
let output: ReturnType<typeof widget>;
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel();
  place = document.createElement("div");
  document.body.replaceChildren(place);
  output = widget();
  output.initialize({ model });
  close = output.render({ model, el: place });
});

afterEach(() => {
  close();
  vi.useRealTimers();
});

const shadow = (el = place) => el.querySelector(".cyllama-output")?.shadowRoot as ShadowRoot;
const find = <T extends HTMLElement>(selector: string, el = place) => shadow(el).querySelector<T>(selector) as T;
const frame = () => vi.advanceTimersByTime(20);
const tell = (...messages: Record<string, unknown>[]) => {
  for (const message of messages) model.tell(message);
  frame();
};
const status = (seq: number, label: string, phase = "decode", fraction: number | null = null) => ({
  type: "status",
  seq,
  phase,
  label,
  fraction,
});
const delta = (seq: number, at: number, text: string) => ({ type: "delta", seq, at, text });
const end = (seq: number, outcome = "done", footer = "5 tokens") => ({ type: "end", seq, outcome, footer });

describe("at once", () => {
  it("says hello, and shows a status, a Stop button and an empty log", () => {
    expect(model.sent).toEqual([{ type: "hello", version: 1 }]);
    expect(find("[role=status]").textContent).toBe("starting…");
    expect(find(".stop").textContent).toBe("Stop");
    expect(find("[role=log]").textContent).toBe("");
  });

  it("asks for what was missed where nothing comes", () => {
    vi.advanceTimersByTime(500);
    expect(model.sentTypes()).toEqual(["hello", "replay"]);
    expect(find(".label").textContent).toBe("catching up…");
  });
});

describe("names and roles", () => {
  it("are there for those who do not see it", () => {
    const stop = find("button.stop");
    expect([stop.getAttribute("aria-label"), stop.getAttribute("type")]).toEqual(["Stop", "button"]);
    const log = find(".log");
    expect([
      log.getAttribute("role"),
      log.getAttribute("aria-live"),
      log.getAttribute("aria-label"),
      log.tabIndex,
    ]).toEqual(["log", "polite", "Answer", 0]);
    expect(find(".progress").getAttribute("role")).toBe("progressbar");
    expect(find(".progress").getAttribute("aria-label")).toBe("Progress");
    for (const button of shadow().querySelectorAll("button")) expect(button.getAttribute("aria-label")).toBeTruthy();
  });

  it("tell a new phase at once, and progress now and then", () => {
    const heard = () => find("[role=status]").textContent;
    tell(status(1, "reading 1 of 4", "prefill", 0.25));
    expect(heard()).toBe("reading 1 of 4");
    tell(status(2, "reading 2 of 4", "prefill", 0.5));
    expect(heard()).toBe("reading 1 of 4");
    expect(find(".label").textContent).toBe("reading 2 of 4");
    vi.advanceTimersByTime(5_000);
    tell(status(3, "reading 3 of 4", "prefill", 0.75));
    expect(heard()).toBe("reading 3 of 4");
    tell(status(4, "writing", "decode"));
    expect(heard()).toBe("writing");
    tell(end(5));
    expect(heard()).toBe("done. 5 tokens");
  });

  it("say how far it is, where that is known", () => {
    tell(status(1, "reading", "prefill", 0.38));
    expect(find(".progress").getAttribute("aria-valuenow")).toBe("38");
    tell(status(2, "writing", "decode", null));
    expect(find(".progress").hasAttribute("aria-valuenow")).toBe(false);
    expect(find(".progress").classList.contains("unknown")).toBe(true);
  });
});

describe("Stop", () => {
  const stops = () => model.sentTypes().filter((type) => type === "stop").length;

  it.each([
    ["a click", () => find("button.stop").click()],
    [
      "Esc on the text",
      () => find(".log").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })),
    ],
    [
      "Esc on the button",
      () => find(".stop").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })),
    ],
  ])("is %s, once", (_, press) => {
    tell(status(1, "writing"));
    press();
    press();
    frame();
    expect(stops()).toBe(1);
    expect(find(".label").textContent).toBe("stopping…");
    expect(find("[role=status]").textContent).toBe("stopping…");
    expect(find(".stop").getAttribute("aria-disabled")).toBe("true");
    tell(status(2, "writing · 9 tokens"));
    expect(find(".label").textContent).toBe("stopping…");
  });

  it("names the other way when it takes long", () => {
    find(".stop").click();
    frame();
    vi.advanceTimersByTime(5_000);
    expect(find(".label").textContent).toContain("interrupt button");
  });

  it("is over with the end", () => {
    tell(end(1));
    find(".log").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(stops()).toBe(0);
  });

  it("keeps plain keys from being commands of the notebook, and no others", () => {
    const host = place.querySelector(".cyllama-output") as HTMLElement;
    const isKept = (key: string, more: KeyboardEventInit = {}) => {
      find(".log").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true, ...more }));
      return host.hasAttribute("data-lm-suppress-shortcuts");
    };
    for (const key of ["x", "d", "Enter", "Escape", "ArrowDown"]) expect(isKept(key), key).toBe(true);
    expect(isKept("s", { ctrlKey: true })).toBe(false);
    expect(isKept("Enter", { shiftKey: true })).toBe(false);
    tell(end(1));
    expect(isKept("Escape")).toBe(false);
  });
});

describe("the text", () => {
  it("is shown as it comes, once a frame", () => {
    model.tell(delta(1, 0, "a **b"));
    expect(find(".log").textContent).toBe("");
    model.tell(delta(2, 5, "** c"));
    frame();
    expect(find(".log").innerHTML).toContain("a <strong>b</strong> c");
  });

  it("comes in steps where much of it is there at once", () => {
    const text = "word ".repeat(4000);
    model.tell(delta(1, 0, text));
    frame();
    const shown = find(".log").textContent?.length ?? 0;
    expect(shown).toBeGreaterThan(1000);
    expect(shown).toBeLessThan(10_000);
    tell(end(2));
    vi.advanceTimersByTime(200);
    expect(find(".log").textContent?.length).toBe(text.trimEnd().length);
    expect(find(".box").classList.contains("finished")).toBe(true);
  });

  it("is the same in a second view, which opens late", () => {
    tell(delta(1, 0, "# Title\n\ntext"));
    const second = document.createElement("div");
    document.body.append(second);
    const closeSecond = output.render({ model, el: second });
    tell(delta(2, 13, " *and more*"), end(3));
    expect(find(".log", second).innerHTML).toBe(find(".log").innerHTML);
    expect(find(".log").textContent).toBe("Titletext and more");
    find(".stop", second).click();
    closeSecond();
    expect(second.childElementCount).toBe(0);
  });

  it("is restored by a replay", () => {
    tell(delta(1, 0, "lost in"), delta(5, 90, "never shown"));
    const request = model.sent.find((message) => message.type === "replay") as { view: string };
    tell({ type: "replay", seq: 9, to: request.view, text: "**all** of it", status: status(8, "writing"), end: null });
    expect(find(".log").innerHTML).toContain("<strong>all</strong> of it");
    expect(find(".label").textContent).toBe("writing");
  });
});

describe("the end", () => {
  it.each(["done", "stopped", "failed"])("shows how it ended: %s", (outcome) => {
    tell(delta(1, 0, "text"), end(2, outcome, "5 tokens · 41 tokens/s"));
    expect(find(".box").dataset.outcome).toBe(outcome);
    expect(find(".footer").hidden).toBe(false);
    expect(find(".footer-text").textContent).toBe("5 tokens · 41 tokens/s");
  });

  it("does not lose the focus of who pressed Stop", () => {
    find(".stop").focus();
    tell(end(1, "stopped"));
    expect(shadow().activeElement).toBe(find(".log"));
  });

  it("can come before the view", () => {
    tell(delta(1, 0, "text"), end(2));
    const late = document.createElement("div");
    const closeLate = output.render({ model, el: late });
    expect(find(".log", late).textContent).toBe("text");
    expect(find(".box", late).dataset.outcome).toBe("done");
    closeLate();
  });
});

describe("copying", () => {
  const write = vi.fn(async () => {});

  beforeEach(() => {
    write.mockClear();
    Object.defineProperty(navigator, "clipboard", { value: { writeText: write }, configurable: true });
  });

  it("gives the answer as it was written", async () => {
    tell(delta(1, 0, "<think>so</think>**a** `b`"));
    find(".bar .copy").click();
    await vi.waitFor(() => expect(write).toHaveBeenCalledExactlyOnceWith("**a** `b`"));
    await vi.waitFor(() => expect(find(".bar .copy").textContent).toBe("Copied"));
    vi.advanceTimersByTime(2_500);
    expect(find(".bar .copy").textContent).toBe("Copy");
  });

  it("gives a code block", async () => {
    tell(delta(1, 0, "```python\nx = 1\ny = 2\n```\n"));
    find(".code .copy").click();
    await vi.waitFor(() => expect(write).toHaveBeenCalledExactlyOnceWith("x = 1\ny = 2"));
  });

  it("works without the clipboard's interface", async () => {
    Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true });
    let selected = "";
    document.execCommand = vi.fn(() => {
      selected = find<HTMLTextAreaElement>("textarea").value;
      return true;
    });
    tell(delta(1, 0, "text"));
    find(".bar .copy").click();
    await vi.waitFor(() => expect(selected).toBe("text"));
    expect(shadow().querySelector("textarea")).toBeNull();
  });
});

describe("the theme", () => {
  const scheme = () => place.querySelector<HTMLElement>(".cyllama-output")?.style.colorScheme;

  afterEach(() => {
    for (const name of ["data-jp-theme-light", "data-vscode-theme-kind", "style"]) document.body.removeAttribute(name);
  });

  it.each([
    ["data-jp-theme-light", "false", "dark"],
    ["data-jp-theme-light", "true", "light"],
    ["data-vscode-theme-kind", "vscode-dark", "dark"],
    ["data-vscode-theme-kind", "vscode-high-contrast-light", "light"],
    ["style", "background-color: rgb(30, 30, 30)", "dark"],
    ["style", "background-color: rgb(250, 250, 250)", "light"],
  ])("follows %s=%s", async (name, value, expected) => {
    document.body.setAttribute(name, value);
    await vi.waitFor(() => expect(scheme()).toBe(expected));
  });
});

it("asks for the parts that it needs", () => {
  const other = new FakeModel("other parts");
  const closeOther = widget().render({ model: other, el: place });
  other.tell(delta(1, 0, "$x$ and $y$\n\n```python\nx\n```\n"));
  frame();
  expect(other.sent).toMatchObject([
    { type: "need", name: "math" },
    { type: "need", name: "highlight" },
  ]);
  closeOther();
});

it("leaves nothing behind", () => {
  close();
  expect(place.childElementCount).toBe(0);
  expect(() => tell(delta(1, 0, "late"))).not.toThrow();
});
