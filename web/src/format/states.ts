/** What a job's or node's state means: a word, a tone (colour) and a shape, so that colour is never alone. */

import type { NodeState } from "../api/types";

export type Tone = "good" | "busy" | "wait" | "warn" | "bad" | "quiet";
export type Shape = "play" | "dots" | "check" | "cross" | "slash" | "clock" | "pause" | "bolt" | "ring";

export interface Look {
  word: string;
  tone: Tone;
  shape: Shape;
  /** One sentence for the tooltip and the job's head. */
  meaning: string;
}

export const JOB_STATES: Record<string, Look> = {
  RUNNING: { word: "Running", tone: "busy", shape: "play", meaning: "It is running now." },
  PENDING: { word: "Pending", tone: "wait", shape: "dots", meaning: "It waits for resources." },
  SUSPENDED: {
    word: "Suspended",
    tone: "wait",
    shape: "pause",
    meaning: "It holds its nodes but is stopped.",
  },
  COMPLETED: { word: "Completed", tone: "good", shape: "check", meaning: "It ended with exit code 0." },
  FAILED: { word: "Failed", tone: "bad", shape: "cross", meaning: "It ended with an error." },
  CANCELLED: {
    word: "Cancelled",
    tone: "quiet",
    shape: "slash",
    meaning: "A person or a script cancelled it.",
  },
  TIMEOUT: { word: "Timed out", tone: "warn", shape: "clock", meaning: "It reached its time limit." },
  OUT_OF_MEMORY: {
    word: "Out of memory",
    tone: "bad",
    shape: "bolt",
    meaning: "It used more memory than it had.",
  },
  NODE_FAIL: { word: "Node failed", tone: "bad", shape: "bolt", meaning: "One of its nodes failed." },
  BOOT_FAIL: { word: "Boot failed", tone: "bad", shape: "bolt", meaning: "Its nodes did not boot." },
  PREEMPTED: {
    word: "Preempted",
    tone: "warn",
    shape: "pause",
    meaning: "A more important job took its nodes.",
  },
  DEADLINE: {
    word: "Deadline",
    tone: "warn",
    shape: "clock",
    meaning: "It could not end before its deadline.",
  },
};

/** The look of a job state; one that is not known keeps its own word. */
export function jobLook(state: string): Look {
  return JOB_STATES[state] ?? { word: state.toLowerCase(), tone: "quiet", shape: "ring", meaning: state };
}

export const isActive = (state: string) => state === "RUNNING" || state === "SUSPENDED";

const NODE_LOOKS: Record<NodeState, Look> = {
  up: { word: "Up", tone: "good", shape: "check", meaning: "Samples arrive in time." },
  stale: { word: "Stale", tone: "warn", shape: "clock", meaning: "No sample within three intervals." },
  down: { word: "Down", tone: "bad", shape: "cross", meaning: "No sample within 15 minutes." },
};

export const nodeLook = (state: NodeState): Look => NODE_LOOKS[state];

/** Signals by number on Linux; source: signal(7). */
const SIGNALS: Record<number, [name: string, meaning: string]> = {
  1: ["SIGHUP", "its terminal went away"],
  2: ["SIGINT", "it was interrupted"],
  3: ["SIGQUIT", "it was told to quit"],
  4: ["SIGILL", "it ran an instruction the CPU does not have"],
  6: ["SIGABRT", "it aborted itself"],
  7: ["SIGBUS", "it accessed memory in a way the hardware refuses"],
  8: ["SIGFPE", "it made an arithmetic error"],
  9: ["SIGKILL", "it was killed, often for using too much memory"],
  10: ["SIGUSR1", "user signal 1"],
  11: ["SIGSEGV", "it accessed memory that is not its own"],
  12: ["SIGUSR2", "user signal 2"],
  13: ["SIGPIPE", "it wrote to a pipe that nobody reads"],
  15: ["SIGTERM", "it was told to end"],
  24: ["SIGXCPU", "it used up its CPU time"],
  25: ["SIGXFSZ", "a file grew too large"],
};

export function signalName(signal: number): string {
  return SIGNALS[signal]?.[0] ?? `signal ${signal}`;
}

/** `exit code 3`, `killed by signal 9 (SIGKILL): it was killed…`; empty while nothing is known. */
export function exitInWords(exitCode: number | null, signal: number | null): string {
  if (signal) return withMeaning(`ended by signal ${signal}`, signal);
  if (exitCode === null) return "";
  if (exitCode === 0) return "exit code 0, success";
  if (exitCode > 128 && SIGNALS[exitCode - 128]) {
    return withMeaning(
      `exit code ${exitCode}, a program in it ended by signal ${exitCode - 128}`,
      exitCode - 128,
    );
  }
  if (exitCode === 127) return "exit code 127, a command was not found";
  if (exitCode === 126) return "exit code 126, a command could not be executed";
  return `exit code ${exitCode}`;
}

function withMeaning(text: string, signal: number): string {
  const known = SIGNALS[signal];
  return known ? `${text} (${known[0]}): ${known[1]}` : text;
}
