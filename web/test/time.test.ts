import { expect, test } from "vitest";
import { formatAgo, formatElapsed, formatTime, formatUtc, millisOf } from "../src/format/time";

test.each([
  [0, "0:00"],
  [42.9, "0:42"],
  [723, "12:03"],
  [11_229, "3:07:09"],
  [184_029, "2d 03:07:09"],
  [null, "–"],
])("%s seconds have elapsed: %s", (seconds, text) => {
  expect(formatElapsed(seconds)).toBe(text);
});

test("a time of today is a clock, another day's has the date, another year's the year", () => {
  const now = new Date(2026, 10, 20, 15, 0, 0).getTime();
  const at = (...parts: [number, number, number, number, number, number]) => new Date(...parts).toISOString();
  expect(formatTime(at(2026, 10, 20, 14, 3, 20), now)).toBe("14:03:20");
  expect(formatTime(at(2026, 10, 19, 4, 3, 2), now)).toBe("Nov 19, 04:03:02");
  expect(formatTime(at(2025, 0, 2, 4, 3, 2), now)).toBe("Jan 2, 2025, 04:03:02");
});

test("UTC is for the hover", () => {
  expect(formatUtc("2026-11-20T14:03:20.123456Z")).toBe("2026-11-20 14:03:20 UTC");
  expect(formatUtc(1_795_183_400)).toBe("2026-11-20 14:03:20 UTC");
});

test("ages are in one unit", () => {
  const now = Date.parse("2026-11-20T12:00:00Z");
  expect(formatAgo("2026-11-20T11:59:52Z", now)).toBe("8 s ago");
  expect(formatAgo("2026-11-20T09:00:00Z", now)).toBe("3 h ago");
  expect(formatAgo("2026-11-20T12:10:00Z", now)).toBe("in 10 min");
  expect(formatAgo(null, now)).toBe("never");
});

test("a text that is no time is none", () => {
  expect([millisOf("yesterday"), millisOf(null)]).toEqual([null, null]);
});
