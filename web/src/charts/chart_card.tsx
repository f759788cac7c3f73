/** A chart with its title, legend, table and download. */

import { useMemo, useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import { download, toCsv } from "../format/csv";
import { formatTime, formatUtc } from "../format/time";
import { formatValue } from "../format/units";
import { ProblemNote } from "../parts/notes";
import { dark } from "./colors";
import { type Hover, Plot, type TimeWindow } from "./plot";
import type { Cell, ChartModel } from "./series";

interface Props {
  title: string;
  help?: string;
  model: ChartModel | undefined;
  window: TimeWindow;
  loading: boolean;
  problem?: Problem | undefined;
  filename: string;
  onZoom: (window: TimeWindow) => void;
  onReset: () => void;
}

/** More lines than this get one line of legend instead of a name each. */
const LEGEND_LIMIT = 12;

export function ChartCard(props: Props) {
  const { model, title } = props;
  const [asTable, setAsTable] = useState(false);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [hover, setHover] = useState<Hover | null>(null);
  const shown = useMemo(() => withoutHidden(model, hidden), [model, hidden]);
  const empty = model?.lines.every((line) => line.values.length === 0) ?? false;
  const toggle = (label: string) => {
    const next = new Set(hidden);
    if (!next.delete(label)) next.add(label);
    setHidden(next);
  };
  return (
    <section class={`card chart ${props.loading ? "is-loading" : ""}`} aria-label={title}>
      <header class="chart-head">
        <h3 title={props.help}>{title}</h3>
        <div class="chart-tools">
          <button type="button" class="quiet" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            {asTable ? "Chart" : "Table"}
          </button>
          <button
            type="button"
            class="quiet"
            disabled={!model || empty}
            onClick={() => model && download(`${props.filename}.csv`, modelCsv(model))}
          >
            CSV
          </button>
        </div>
      </header>
      {props.problem && !model && <ProblemNote problem={props.problem} />}
      {!model && !props.problem && <div class="plot skeleton" role="status" aria-label="Loading" />}
      {shown && empty && <p class="plot empty-plot">No samples in this time.</p>}
      {shown && !empty && asTable && <ModelTable model={shown} />}
      {shown && !empty && !asTable && (
        <>
          <Plot
            model={shown}
            window={props.window}
            dark={dark.value}
            label={describe(title, shown)}
            onHover={setHover}
            onZoom={props.onZoom}
            onReset={props.onReset}
          />
          <Legend model={model ?? shown} hidden={hidden} hover={hover} onToggle={toggle} />
        </>
      )}
    </section>
  );
}

function withoutHidden(model: ChartModel | undefined, hidden: ReadonlySet<string>): ChartModel | undefined {
  if (!model || hidden.size === 0 || model.band) return model;
  return { ...model, lines: model.lines.filter((line) => !hidden.has(line.label)) };
}

interface LegendProps {
  model: ChartModel;
  hidden: ReadonlySet<string>;
  hover: Hover | null;
  onToggle: (label: string) => void;
}

function Legend({ model, hidden, hover, onToggle }: LegendProps) {
  const index = hover?.index ?? null;
  const when = index === null ? "latest" : formatTime(model.times[index] ?? null);
  const visible = model.lines.filter((line) => !hidden.has(line.label));
  if (model.lines.length > LEGEND_LIMIT) {
    const near = hover?.line === null || hover === null ? undefined : visible[hover.line];
    return (
      <p class="legend legend-many">
        <span class="legend-time">{when}</span>
        {near ? (
          <span>
            <i class={`swatch c${near.color}`} /> {near.label}{" "}
            <b>{formatValue(valueAt(near.values, index), model.unit)}</b>
          </span>
        ) : (
          <span class="quiet-text">{model.lines.length} lines; point at one to read it</span>
        )}
      </p>
    );
  }
  return (
    <div class="legend">
      <span class="legend-time">{when}</span>
      {model.lines.map((line) => (
        <button
          type="button"
          key={line.label}
          aria-pressed={!hidden.has(line.label)}
          class={hidden.has(line.label) ? "off" : ""}
          title={model.band ? undefined : "Show or hide"}
          onClick={() => onToggle(line.label)}
          disabled={model.band || model.lines.length === 1}
        >
          <i
            class={`swatch c${line.color} ${line.dashed ? "dashed" : ""} ${model.band && line !== model.lines[1] ? "edge" : ""}`}
          />
          {line.label} <b>{formatValue(valueAt(line.values, index), model.unit)}</b>
        </button>
      ))}
    </div>
  );
}

/** The value at an index, or the newest one. */
function valueAt(values: Cell[], index: number | null): number | null {
  if (index !== null) return values[index] ?? null;
  for (let i = values.length - 1; i >= 0; i -= 1) {
    const value = values[i];
    if (typeof value === "number") return value;
  }
  return null;
}

function describe(title: string, model: ChartModel): string {
  const parts = model.lines.slice(0, LEGEND_LIMIT).map((line) => {
    const numbers = line.values.filter((v): v is number => typeof v === "number");
    if (!numbers.length) return `${line.label}: no values`;
    const [low, high] = numbers.reduce(
      ([a, b], v) => [Math.min(a, v), Math.max(b, v)],
      [Infinity, -Infinity],
    );
    return `${line.label}: ${formatValue(low, model.unit)} to ${formatValue(high, model.unit)}`;
  });
  return `Chart of ${title}. ${parts.join("; ")}`;
}

function ModelTable({ model }: { model: ChartModel }) {
  const rows = model.times.map((_, i) => i).reverse();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section class="plot-table" tabIndex={0} aria-label="Values">
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {model.lines.map((line) => (
              <th scope="col" class="number" key={line.label}>
                {line.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((i) => (
            <tr key={model.times[i]}>
              <td title={formatUtc(model.times[i] ?? null)}>{formatTime(model.times[i] ?? null)}</td>
              {model.lines.map((line) => (
                <td class="number" key={line.label}>
                  {formatValue(line.values[i] ?? null, model.unit)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function modelCsv(model: ChartModel): string {
  const unit = model.unit ? ` [${model.unit}]` : "";
  const rows = model.times.map((time, i) => [formatIso(time), ...model.lines.map((line) => line.values[i])]);
  return toCsv([["time", ...model.lines.map((line) => `${line.label}${unit}`)], ...rows]);
}

const formatIso = (seconds: number) => new Date(seconds * 1000).toISOString();
