import { expect, test } from "vitest";
import { inWords } from "../src/views/job/runs";

test.each([
  [0.1 + 0.2, "s", "0.3 s"],
  [1234567, "", "1234567"],
  [true, "", "true"],
  [null, "s", "–"],
])("a value %s in %s is shown as %s", (value, unit, words) => {
  expect(inWords({ value, unit })).toBe(words);
});
