import { afterEach, expect, it, vi } from "vitest";
import { Emitter } from "./emitter.js";

afterEach(() => vi.unstubAllGlobals());

it("tells every listener, once for each time it joined, until it leaves", () => {
  const emitter = new Emitter<[number]>();
  const listener = vi.fn();
  const leave = emitter.on(listener);
  emitter.on(listener);
  emitter.emit(1);
  leave();
  leave();
  emitter.emit(2);
  expect(listener.mock.calls).toEqual([[1], [1], [2]]);
});

it("lets listeners leave and join while it tells them", () => {
  const emitter = new Emitter<[]>();
  const late = vi.fn();
  const leave = emitter.on(() => {
    leave();
    emitter.on(late);
  });
  emitter.emit();
  expect(late).not.toHaveBeenCalled();
  emitter.emit();
  expect(late).toHaveBeenCalledTimes(1);
});

it("goes on when a listener throws, and lets the error surface where uncaught ones do", () => {
  const reportError = vi.fn();
  vi.stubGlobal("reportError", reportError);
  const emitter = new Emitter<[]>();
  const bug = new Error("a bug in someone's listener");
  const after = vi.fn();
  emitter.on(() => {
    throw bug;
  });
  emitter.on(after);
  emitter.emit();
  expect(after).toHaveBeenCalledTimes(1);
  expect(reportError.mock.calls).toEqual([[bug]]);
});
