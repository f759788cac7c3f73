/** The time range of a page: in the URL as `range=1h` or `start=…&end=…` (Unix seconds). */

import { query, setQuery } from "../app/router";
import { formatTime, formatUtc } from "../format/time";
import type { TimeWindow } from "./plot";

export const RANGES: Record<string, { seconds: number; words: string }> = {
  "15m": { seconds: 900, words: "15 min" },
  "1h": { seconds: 3600, words: "1 h" },
  "6h": { seconds: 21_600, words: "6 h" },
  "24h": { seconds: 86_400, words: "24 h" },
};

export interface Range {
  /** A key of RANGES, `all` (the whole job) or `custom`. */
  name: string;
  /** Set for `custom` only. */
  fixed: TimeWindow | null;
}

/** Read the range of the current address; `fallback` names the one without any. */
export function currentRange(fallback: string): Range {
  const start = Number(query.value.get("start"));
  const end = Number(query.value.get("end"));
  if (start > 0 && end > start) return { name: "custom", fixed: { start, end } };
  const name = query.value.get("range") ?? "";
  return { name: RANGES[name] || name === "all" ? name : fallback, fixed: null };
}

export const zoomTo = (window: TimeWindow) =>
  setQuery({ range: null, start: String(window.start), end: String(window.end) }, { replace: false });

const pick = (name: string) => setQuery({ range: name, start: null, end: null }, { replace: false });

/** Leave a zoom. */
export const resetZoom = () => setQuery({ start: null, end: null });

/** How often a range that ends now is worth reading again. */
export function refreshSeconds(spanSeconds: number): number {
  if (spanSeconds <= 1000) return 10;
  if (spanSeconds <= 4000) return 20;
  return spanSeconds <= 30_000 ? 60 : 120;
}

interface Props {
  range: Range;
  /** Offer `all` under these words. */
  all?: string;
  following: boolean;
}

export function RangePicker({ range, all, following }: Props) {
  const names = [...(all ? ["all"] : []), ...Object.keys(RANGES)];
  return (
    <div class="range">
      {range.fixed && (
        <span class="chip" title={`${formatUtc(range.fixed.start)} – ${formatUtc(range.fixed.end)}`}>
          {formatTime(range.fixed.start)} – {formatTime(range.fixed.end)}
          <button type="button" class="quiet" aria-label="Leave the zoom" onClick={resetZoom}>
            ✕
          </button>
        </span>
      )}
      <fieldset class="segments">
        <legend class="sr">Time range</legend>
        {names.map((name) => (
          <button type="button" key={name} aria-pressed={range.name === name} onClick={() => pick(name)}>
            {name === "all" ? all : RANGES[name]?.words}
          </button>
        ))}
      </fieldset>
      <span class="quiet-text hint">{following ? "follows now" : "drag in a chart to zoom"}</span>
    </div>
  );
}
