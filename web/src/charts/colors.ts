/** Chart colours come from the style sheet (styles/theme.css), so that both themes are written in one place. */

import { signal } from "@preact/signals";
import { SERIES_COLORS } from "./series";

const preference = window.matchMedia("(prefers-color-scheme: dark)");

/** Whether the dark theme is on. */
export const dark = signal(preference.matches);
preference.addEventListener("change", (event) => {
  dark.value = event.matches;
});

/** `#rrggbb` values of the current theme; `series[0]` is the accent. */
export function themeColors(): { muted: string; grid: string; series: string[] } {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  const series = ["--accent", ...Array.from({ length: SERIES_COLORS }, (_, i) => `--series-${i + 1}`)].map(
    read,
  );
  return { muted: read("--text-quiet"), grid: read("--grid"), series };
}
