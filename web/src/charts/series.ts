/** From the gateway's series to columns on one time axis. Pure. */

import type { Series } from "../api/types";

/** A value; undefined: this series has no bucket here (the line passes); null: a gap (the line breaks). */
export type Cell = number | null | undefined;

export interface Line {
  label: string;
  values: Cell[];
  /** Number of a palette colour, 1…8; 0 is the accent. */
  color: number;
  dashed?: boolean;
}

export interface ChartModel {
  unit: string;
  /** Unix seconds, ascending. */
  times: number[];
  lines: Line[];
  /** Areas on top of each other. */
  stacked?: boolean;
  /** Three lines: maximum, average, minimum; the space between is filled. */
  band?: boolean;
  /** The axis goes at least to here. */
  atLeast?: number;
}

/** How many colours the style sheet has for lines. */
export const SERIES_COLORS = 8;

/** The palette number of the n-th line (from 0). */
export const colorOf = (index: number) => (index % SERIES_COLORS) + 1;

const GAP_STEPS = 2.6;

/** The usual distance between two buckets of a series (median), at least the resolution. */
export function usualStep(times: number[], resolution: number): number {
  const steps = times.slice(1).map((t, i) => t - (times[i] ?? t));
  steps.sort((a, b) => a - b);
  return Math.max(resolution, steps[Math.floor(steps.length / 2)] ?? resolution);
}

/** Put series on the union of their times; a hole of several steps becomes a gap. */
export function align(items: Series[], resolution: number): { times: number[]; columns: Cell[][] } {
  const known = new Set<number>();
  const gaps: Map<number, null>[] = items.map(() => new Map());
  for (const [i, item] of items.entries()) {
    const step = usualStep(item.times, resolution);
    for (const [k, time] of item.times.entries()) {
      known.add(time);
      const next = item.times[k + 1];
      if (next !== undefined && next - time > GAP_STEPS * step) {
        known.add(time + step);
        gaps[i]?.set(time + step, null);
      }
    }
  }
  const times = [...known].sort((a, b) => a - b);
  const at = new Map(times.map((time, index) => [time, index]));
  const columns = items.map((item, i) => {
    const column: Cell[] = new Array(times.length).fill(undefined);
    for (const time of gaps[i]?.keys() ?? []) column[at.get(time) ?? 0] = null;
    for (const [k, time] of item.times.entries()) column[at.get(time) ?? 0] = item.values[k];
    return column;
  });
  return { times, columns };
}

/** Running sums from the first line up; a time where no line has a value is a gap. */
export function stack(columns: Cell[][]): Cell[][] {
  const total: number[] = [];
  return columns.map((column) =>
    column.map((value, i) => {
      if (columns.every((other) => typeof other[i] !== "number")) return null;
      total[i] = (total[i] ?? 0) + (value ?? 0);
      return total[i];
    }),
  );
}

/** Names without what all of them share: `eth_read_bw`, `eth_write_bw` become `read`, `write`. */
export function shortLabels(names: string[]): string[] {
  const words = names.map((name) => name.split("_"));
  const first = words[0] ?? [];
  if (words.length < 2) return names.map((name) => name.replaceAll("_", " "));
  let head = 0;
  while (words.every((w) => w.length > head + 1 && w[head] === first[head])) head += 1;
  let tail = 0;
  while (words.every((w) => w.length > head + tail + 1 && w.at(-1 - tail) === first.at(-1 - tail))) tail += 1;
  return words.map((w) => w.slice(head, w.length - tail).join(" "));
}
