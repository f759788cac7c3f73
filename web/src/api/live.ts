/** One event stream for the whole page; views listen for the types that concern them. */

import { signal } from "@preact/signals";
import { loadSession } from "./client";
import type { LiveEvent } from "./types";

export const EVENT_TYPES = [
  "job.submitted",
  "job.started",
  "job.finished",
  "job.node_started",
  "job.node_finished",
  "node.reported",
  "run.started",
  "run.finished",
] as const;

export type LiveState = "off" | "connecting" | "open" | "lost";

/** What the stream is doing; shown in the page's head. */
export const liveState = signal<LiveState>("off");

/** Gets an event, or null when events may have been missed and everything must be read anew. */
export type Listener = (event: LiveEvent | null) => void;

const listeners = new Set<Listener>();
const HIDDEN_GRACE_MS = 20_000;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 30_000];

let source: EventSource | null = null;
let timer = 0;
let failures = 0;

/** Listen until the returned function is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Open the stream and keep it open; call once after login. */
export function startLive(): void {
  document.addEventListener("visibilitychange", followVisibility);
  connect();
}

/** Close it for good (log out). */
export function stopLive(): void {
  document.removeEventListener("visibilitychange", followVisibility);
  disconnect();
  liveState.value = "off";
}

function tell(event: LiveEvent | null): void {
  for (const listener of listeners) listener(event);
}

function connect(): void {
  window.clearTimeout(timer);
  source?.close();
  liveState.value = failures ? "lost" : "connecting";
  const stream = new EventSource("/v1/live");
  source = stream;
  stream.onopen = () => {
    if (failures) tell(null); // the browser replays its own reconnects, not ours
    failures = 0;
    liveState.value = "open";
  };
  stream.onerror = () => {
    liveState.value = "lost";
    if (stream.readyState !== EventSource.CLOSED) return; // the browser reconnects by itself
    loadSession().catch(() => undefined); // refused: perhaps the session ended, which this finds out
    const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 30_000;
    failures += 1;
    timer = window.setTimeout(connect, wait);
  };
  for (const type of EVENT_TYPES) {
    stream.addEventListener(type, (message) => tell(JSON.parse(message.data) as LiveEvent));
  }
  stream.addEventListener("reset", () => tell(null));
}

function disconnect(): void {
  window.clearTimeout(timer);
  source?.close();
  source = null;
}

/** Browsers allow few connections per host: a page nobody looks at gives its own back. */
function followVisibility(): void {
  window.clearTimeout(timer);
  if (document.hidden) {
    timer = window.setTimeout(disconnect, HIDDEN_GRACE_MS);
  } else if (!source || source.readyState === EventSource.CLOSED) {
    failures = Math.max(failures, 1);
    connect();
  }
}
