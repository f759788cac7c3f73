import { expect, test } from "vitest";
import { formatNumber, formatValue, percent, scaleFor } from "../src/format/units";

test.each([
  [0, "B", "0 B"],
  [1536, "B", "1.50 KiB"],
  [256 * 1024 ** 3, "B", "256 GiB"],
  [1_250_000, "B/s", "1.25 MB/s"],
  [850, "B/s", "850 B/s"],
  [12.345, "%", "12.3 %"],
  [0.04, "%", "0.04 %"],
  [63.5, "", "63.5"],
  [1_200_000, "", "1.20 M"],
  [4200, "1/s", "4.20 k/s"],
  [310, "W", "310 W"],
  [0.0023, "s", "2.30 ms"],
  [5400, "s", "90 min"],
])("%d %s reads %s", (value, unit, text) => {
  expect(formatValue(value, unit)).toBe(text);
});

test("what is not known is a dash", () => {
  expect([null, undefined, Number.NaN].map((v) => formatValue(v, "B"))).toEqual(["–", "–", "–"]);
});

test("a value that would round to the next prefix takes it", () => {
  expect(formatValue(999_999, "B/s")).toBe("1.00 MB/s");
});

test("an axis has one scale, that of its largest value", () => {
  expect(scaleFor("B", 3 * 1024 ** 3)).toEqual({ divisor: 1024 ** 3, label: "GiB" });
  expect(scaleFor("B/s", 999)).toEqual({ divisor: 1, label: "B/s" });
});

test("small numbers keep two digits without an exponent", () => {
  expect(formatNumber(0.00012)).toBe("0.00012");
});

test("a part is never more than the whole", () => {
  expect([percent(5, 10), percent(20, 10), percent(1, 0)]).toEqual([50, 100, 0]);
});
