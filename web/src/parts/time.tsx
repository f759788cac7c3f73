import { now } from "../app/clock";
import { formatAgo, formatTime, formatUtc } from "../format/time";

/** A time in the viewer's zone, UTC on hover. */
export function Time({ at }: { at: string | number | null }) {
  if (at === null) return <span class="quiet-text">–</span>;
  const iso = typeof at === "number" ? new Date(at * 1000).toISOString() : at;
  return (
    <time dateTime={iso} title={formatUtc(at)}>
      {formatTime(at)}
    </time>
  );
}

/** How long ago, ticking; the times on hover. */
export function Ago({ at }: { at: string | null }) {
  if (at === null) return <span class="quiet-text">never</span>;
  return (
    <time dateTime={at} title={`${formatTime(at)} (${formatUtc(at)})`}>
      {formatAgo(at, now.value)}
    </time>
  );
}
