import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Store } from "../src/store";
import { FakeModel } from "./fake-model";

let model: FakeModel;
let store: Store;

beforeEach(() => {
  vi.useFakeTimers();
  model = new FakeModel();
  store = new Store(model);
});

afterEach(() => {
  store.close();
  vi.useRealTimers();
});

const status = (seq: number) => ({ type: "status", seq, phase: "decode", label: `status ${seq}`, fraction: null });
const replay = (seq: number, text: string, to = store.id) => ({
  type: "replay",
  seq,
  to,
  text,
  status: status(seq),
  end: null,
});

describe("a page that sees everything", () => {
  it("says hello once, as the golden message", () => {
    store.greet();
    const { examples } = JSON.parse(readFileSync(`${import.meta.dirname}/golden/hello.json`, "utf8"));
    expect(model.sent).toEqual(examples);
  });

  it("puts the deltas of the golden messages together", () => {
    const { examples } = JSON.parse(readFileSync(`${import.meta.dirname}/golden/delta.json`, "utf8"));
    for (const message of examples) model.tell(message);
    expect(store.text).toBe("Why the sky is blue: ☀️ and 🌍\n- **scattering**");
    expect(store.behind).toBe(false);
  });

  it("takes no message twice", () => {
    model.write(["a", "b"]);
    model.write(["a", "b"]);
    expect(store.text).toBe("ab");
    expect(model.sent).toEqual([]);
  });

  it("keeps the last status and the end", () => {
    model.tell(status(1));
    model.tell(status(2));
    model.tell({ type: "end", seq: 3, outcome: "done", footer: "3 tokens" });
    expect(store.status?.label).toBe("status 2");
    expect(store.end).toEqual({ type: "end", seq: 3, outcome: "done", footer: "3 tokens" });
  });

  it("asks for nothing when a view opens", () => {
    model.tell(status(1));
    store.expect();
    vi.advanceTimersByTime(60_000);
    expect(model.sent).toEqual([]);
  });
});

describe("a gap", () => {
  it.each([
    ["in the numbers", { type: "delta", seq: 3, at: 1, text: "c" }],
    ["in the text", { type: "delta", seq: 2, at: 7, text: "c" }],
  ])("%s is filled by a replay, and what comes meanwhile is ignored", (_, message) => {
    model.write(["a"]);
    model.tell(message);
    expect(model.sent).toEqual([{ type: "replay", view: store.id }]);
    expect(store.behind).toBe(true);
    model.write(["never read"], 4, 2);
    expect(store.text).toBe("a");
    model.tell(replay(4, "abcd"));
    model.write(["e"], 5, 4);
    expect(store.text).toBe("abcde");
    expect(store.behind).toBe(false);
  });

  it("is asked about again, ever more rarely, until it is filled", () => {
    model.write(["late"], 9, 100);
    vi.advanceTimersByTime(1_000_000);
    expect(model.sentTypes()).toEqual(Array(6).fill("replay"));
    model.tell(replay(9, "all"));
    expect(store.text).toBe("all");
    vi.advanceTimersByTime(1_000_000);
    expect(model.sent.length).toBe(6);
  });

  it("is not filled by another view's replay, nor by an old one", () => {
    model.write(["a", "b"]);
    model.tell(replay(7, "theirs", "another"));
    model.tell(replay(1, "a"));
    expect(store.text).toBe("ab");
  });
});

describe("a page that was reloaded", () => {
  it("asks by itself where nothing comes", () => {
    store.expect();
    store.expect();
    vi.advanceTimersByTime(450);
    expect(model.sent).toEqual([{ type: "replay", view: store.id }]);
    model.tell({ ...replay(5, "all of it"), end: { type: "end", seq: 5, outcome: "stopped", footer: "" } });
    expect(store.text).toBe("all of it");
    expect(store.end?.outcome).toBe("stopped");
  });

  it("ends up with the same text wherever it joins", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary" }), { minLength: 2 }),
        fc.nat(),
        fc.nat(),
        (texts, join, ready) => {
          const kernel = new FakeModel();
          const late = new Store(kernel);
          const first = 1 + (join % texts.length);
          const answered = Math.min(texts.length, first + (ready % texts.length));
          const joined = (count: number) => texts.slice(0, count).join("");
          kernel.write(texts.slice(first - 1, answered), first, joined(first - 1).length);
          if (late.behind)
            kernel.tell({
              type: "replay",
              seq: answered,
              to: late.id,
              text: joined(answered),
              status: null,
              end: null,
            });
          kernel.write(texts.slice(answered), answered + 1, joined(answered).length);
          expect(late.text).toBe(texts.join(""));
          late.close();
        },
      ),
    );
  });
});

describe("Stop", () => {
  it("is sent once, and is seen by all views at once", () => {
    const views = [vi.fn(), vi.fn()];
    for (const view of views) store.listen(view);
    store.stop();
    store.stop();
    expect(model.sent).toEqual([{ type: "stop" }]);
    expect(store.stopping).toBe(true);
    for (const view of views) expect(view).toHaveBeenCalledOnce();
  });

  it("is not sent after the end", () => {
    model.tell({ type: "end", seq: 1, outcome: "done", footer: "" });
    store.stop();
    expect(model.sent).toEqual([]);
  });
});

it("hears nothing once it is closed", () => {
  const view = vi.fn();
  store.listen(view);
  store.close();
  model.write(["a"]);
  expect(view).not.toHaveBeenCalled();
  expect(model.callbacks.size).toBe(0);
});
