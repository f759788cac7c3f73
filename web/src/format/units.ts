/** Numbers for people. Sizes are binary (GiB), rates and all else decimal (MB/s), as in docs/metrics.md. */

export interface Scale {
  /** A raw value divided by this is in `label`. */
  divisor: number;
  label: string;
}

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = ["", "k", "M", "G", "T", "P", "E"];
const PREFIXED = new Set(["B/s", "W", "J", "1/s", "F/s", "Hz", "bit/s"]);

/** The one scale in which a set of values reads best; `largest` is their largest magnitude. */
export function scaleFor(unit: string, largest: number): Scale {
  const size = Math.abs(largest);
  if (unit === "B") return prefixed(size, 1024, BINARY, "B");
  if (unit === "B/s") return prefixed(size, 1000, ["", "k", ...DECIMAL.slice(2)], "B/s");
  if (PREFIXED.has(unit)) return prefixed(size, 1000, DECIMAL, unit === "1/s" ? "/s" : unit);
  if (unit === "") return size < 100_000 ? { divisor: 1, label: "" } : prefixed(size, 1000, DECIMAL, "");
  return { divisor: 1, label: unit };
}

function prefixed(size: number, base: number, prefixes: string[], unit: string): Scale {
  let step = 0;
  let rest = size;
  while (rest >= base * 0.9995 && step < prefixes.length - 1) {
    rest /= base;
    step += 1;
  }
  return { divisor: base ** step, label: `${prefixes[step] ?? ""}${unit}` };
}

/** Three digits, no exponent, whole numbers without decimals: 0.05, 1.20, 12.3, 123, 1234, 8. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value)) return String(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  if (size >= 0.01) return value.toFixed(2);
  return value.toFixed(Math.min(12, 1 - Math.floor(Math.log10(size))));
}

/** Percent with one decimal, so that columns of them stand still. */
export const formatPercent = (value: number | null) => (value === null ? "–" : `${value.toFixed(1)} %`);

/** A value with its unit: `12.4 GiB`, `83.1 %`, `3 MB/s`; a dash when there is none. */
export function formatValue(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (unit === "s") return formatSeconds(value);
  if (unit === "%") return Math.abs(value) >= 1 ? formatPercent(value) : `${formatNumber(value)} %`;
  const scale = scaleFor(unit, value);
  const number = formatNumber(value / scale.divisor);
  return scale.label ? `${number} ${scale.label}` : number;
}

function formatSeconds(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 0.001) return `${formatNumber(value * 1e6)} µs`;
  if (size > 0 && size < 1) return `${formatNumber(value * 1e3)} ms`;
  if (size < 120) return `${formatNumber(value)} s`;
  if (size < 7200) return `${formatNumber(value / 60)} min`;
  if (size < 172_800) return `${formatNumber(value / 3600)} h`;
  return `${formatNumber(value / 86_400)} d`;
}

/** A part of a whole in percent, between 0 and 100. */
export function percent(part: number, whole: number): number {
  return whole > 0 ? Math.min(100, Math.max(0, (part / whole) * 100)) : 0;
}
