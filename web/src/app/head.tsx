import { loadSession, logOut, session, unreachableSince } from "../api/client";
import { liveState } from "../api/live";
import { formatSpan, formatTime, formatUtc } from "../format/time";
import { Wheel } from "../parts/icons";
import { now } from "./clock";
import { path } from "./router";
import { NAVIGATION } from "./routes";

export function Head() {
  return (
    <header class="head">
      <a class="brand" href="/">
        <Wheel />
        <span>Pilothouse</span>
      </a>
      <nav aria-label="Main">
        {NAVIGATION.map((entry) => (
          <a
            key={entry.path}
            href={entry.path}
            aria-current={isWithin(path.value, entry.path) ? "page" : undefined}
          >
            {entry.label}
          </a>
        ))}
      </nav>
      <div class="head-end">
        <LiveLight />
        <Account />
      </div>
    </header>
  );
}

const isWithin = (current: string, entry: string) =>
  current === entry || current.startsWith(`${entry}/`) || (current === "/" && entry === "/nodes");

const LIVE_WORDS = {
  open: ["Live", "Changes of jobs and nodes arrive by themselves."],
  connecting: ["Connecting", "The event stream is being opened."],
  lost: ["Reconnecting", "The event stream broke off; lists are read again every few seconds."],
  off: ["", ""],
} as const;

function LiveLight() {
  const [word, meaning] = LIVE_WORDS[liveState.value];
  if (!word) return null;
  return (
    <span class={`live ${liveState.value}`} title={meaning} role="status">
      <i />
      <span>{word}</span>
    </span>
  );
}

function Account() {
  const who = session.value;
  if (!who) return null;
  const limits = Object.entries(who.restriction ?? {});
  return (
    <details class="account" key={path.value} onFocusOut={closeWhenLeft}>
      <summary aria-label={`Account of ${who.subject}`}>{who.subject}</summary>
      <div class="card menu">
        <dl>
          <dt>Logged in as</dt>
          <dd>{who.subject}</dd>
          <dt>Until</dt>
          <dd title={formatUtc(who.expiry_time)}>{formatTime(who.expiry_time)}</dd>
          {limits.length > 0 && (
            <>
              <dt>Limited to</dt>
              <dd>{limits.map(([key, value]) => `${key} ${value}`).join(", ")}</dd>
            </>
          )}
          <dt>May</dt>
          <dd class="scopes">
            {who.scopes.map((scope) => (
              <code key={scope}>{scope}</code>
            ))}
          </dd>
        </dl>
        <p>
          <a href="/docs">API documentation</a>
        </p>
        <button type="button" onClick={() => void logOut().catch(loadSession)}>
          Log out
        </button>
      </div>
    </details>
  );
}

function closeWhenLeft(event: FocusEvent): void {
  const menu = event.currentTarget as HTMLDetailsElement;
  if (event.relatedTarget && !menu.contains(event.relatedTarget as Node)) menu.open = false;
}

/** Says that what is shown is old because the server does not answer. */
export function Banner() {
  const since = unreachableSince.value;
  if (since === null) return null;
  const seconds = Math.max(0, (now.value - since) / 1000);
  return (
    <div class="banner" role="alert">
      <strong>The server does not answer.</strong> What you see is {formatSpan(seconds)} old; the page tries
      again by itself.
    </div>
  );
}
