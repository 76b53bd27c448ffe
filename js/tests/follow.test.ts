import { beforeEach, describe, expect, it, vi } from "vitest";
import { Follow } from "../src/follow";

/** A box of 100 pixels on a text whose height the test sets; jsdom has no layout. */
function makeBox() {
  const box = document.createElement("div");
  const state = { height: 50, top: 0 };
  Object.defineProperties(box, {
    clientHeight: { get: () => 100 },
    scrollHeight: { get: () => Math.max(100, state.height) },
    scrollTop: {
      get: () => state.top,
      set: (top: number) => {
        state.top = Math.max(0, Math.min(top, Math.max(100, state.height) - 100));
      },
    },
  });
  return { box, state };
}

let seen: ((entries: { isIntersecting: boolean }[]) => void) | null = null;

beforeEach(() => {
  vi.stubGlobal(
    "IntersectionObserver",
    class {
      constructor(callback: typeof seen) {
        seen = callback;
      }
      observe() {}
      disconnect() {
        seen = null;
      }
    },
  );
});

function setUp() {
  const { box, state } = makeBox();
  const end = document.createElement("div");
  end.scrollIntoView = vi.fn();
  const changes: boolean[] = [];
  const follow = new Follow(box, end, (following) => changes.push(following));
  const grow = (height: number) => {
    state.height = height;
    follow.grown();
  };
  const scroll = (top: number) => {
    state.top = top;
    box.dispatchEvent(new Event("scroll"));
  };
  return { follow, state, end, changes, grow, scroll };
}

describe("following", () => {
  it("keeps the end in sight", () => {
    const { state, grow, scroll } = setUp();
    grow(300);
    expect(state.top).toBe(200);
    scroll(200); // the event of our own scrolling
    grow(400);
    expect(state.top).toBe(300);
  });

  it("stops when the reader scrolls up, even by a little, and goes on at the end", () => {
    const { state, changes, grow, scroll } = setUp();
    grow(300);
    scroll(190);
    grow(400);
    expect(state.top).toBe(190);
    scroll(300);
    grow(500);
    expect(state.top).toBe(400);
    expect(changes).toEqual([false, true]);
  });

  it("goes on when it is asked to", () => {
    const { follow, state, grow, scroll } = setUp();
    grow(300);
    scroll(0);
    follow.resume();
    expect(state.top).toBe(200);
  });

  it("is not stopped by a text that became shorter", () => {
    const { state, changes, grow, scroll } = setUp();
    grow(400);
    state.height = 350;
    scroll(250);
    grow(450);
    expect(state.top).toBe(350);
    expect(changes).toEqual([]);
  });

  it("moves the page only where the end was in view", () => {
    const { end, grow } = setUp();
    grow(300);
    expect(end.scrollIntoView).not.toHaveBeenCalled();
    seen?.([{ isIntersecting: true }]);
    grow(400);
    expect(end.scrollIntoView).toHaveBeenCalledExactlyOnceWith({ block: "nearest", inline: "nearest" });
    seen?.([{ isIntersecting: false }]);
    grow(500);
    expect(end.scrollIntoView).toHaveBeenCalledOnce();
  });

  it("ends with the text", () => {
    const { follow } = setUp();
    const show = vi.fn();
    follow.unfold(show);
    expect(show).toHaveBeenCalledOnce();
    expect(seen).toBeNull();
  });
});
