import { expect, test } from "vitest";
import { exitInWords, JOB_STATES, jobLook, nodeLook } from "../src/format/states";

test.each([
  [0, 0, "exit code 0, success"],
  [3, 0, "exit code 3"],
  [0, 9, "ended by signal 9 (SIGKILL): it was killed, often for using too much memory"],
  [
    139,
    0,
    "exit code 139, a program in it ended by signal 11 (SIGSEGV): it accessed memory that is not its own",
  ],
  [127, null, "exit code 127, a command was not found"],
  [null, null, ""],
])("exit code %s and signal %s read: %s", (code, signal, text) => {
  expect(exitInWords(code, signal)).toBe(text);
});

test("no state is told by its colour alone", () => {
  const looks = [...Object.values(JOB_STATES), nodeLook("up"), nodeLook("stale"), nodeLook("down")];
  expect(looks.every((look) => look.word && look.shape)).toBe(true);
});

test("a state that is not known keeps its word", () => {
  expect(jobLook("RESIZING").word).toBe("resizing");
});
