/** Times for people: the viewer's zone, UTC on hover. */

const two = (value: number) => String(value).padStart(2, "0");

/** `14:03:20`, or with the day when it is not the day of `now`: `Nov 19, 14:03:20`. */
export function formatTime(time: string | number | null, now: number = Date.now()): string {
  const date = dateOf(time);
  if (!date) return "–";
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return clock;
  const sameYear = date.getFullYear() === today.getFullYear();
  const day = date.toLocaleDateString("en", {
    month: "short",
    day: "numeric",
    ...(sameYear ? {} : { year: "numeric" }),
  });
  return `${day}, ${clock}`;
}

/** `2026-11-20 14:03:20 UTC`. */
export function formatUtc(time: string | number | null): string {
  const date = dateOf(time);
  return date ? `${date.toISOString().slice(0, 19).replace("T", " ")} UTC` : "";
}

/** Milliseconds of an RFC 3339 text or of Unix seconds; null when there is no time. */
export function millisOf(time: string | number | null): number | null {
  const date = dateOf(time);
  return date ? date.getTime() : null;
}

function dateOf(time: string | number | null): Date | null {
  if (time === null || time === "") return null;
  const date = new Date(typeof time === "number" ? time * 1000 : time);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** A span as a clock: `0:42`, `12:03`, `3:07:09`, `2d 03:07:09`. */
export function formatElapsed(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = two(whole % 60);
  if (days) return `${days}d ${two(hours)}:${two(minutes)}:${rest}`;
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** A span in words, one unit: `8 s`, `5 min`, `3 h`, `12 d`. */
export function formatSpan(seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 90) return `${Math.round(size)} s`;
  if (size < 5400) return `${Math.round(size / 60)} min`;
  if (size < 129_600) return `${Math.round(size / 3600)} h`;
  return `${Math.round(size / 86_400)} d`;
}

/** `5 min ago`, `in 3 h`, `now`. */
export function formatAgo(time: string | number | null, now: number = Date.now()): string {
  const millis = millisOf(time);
  if (millis === null) return "never";
  const seconds = (now - millis) / 1000;
  if (Math.abs(seconds) < 2) return "now";
  return seconds > 0 ? `${formatSpan(seconds)} ago` : `in ${formatSpan(seconds)}`;
}
