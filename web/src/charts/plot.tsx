/** A time chart: the only file that knows uPlot. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatValue, scaleFor } from "../format/units";
import { themeColors } from "./colors";
import { type ChartModel, stack } from "./series";

export interface TimeWindow {
  /** Unix seconds. */
  start: number;
  end: number;
}

export interface Hover {
  /** Index into the model's times. */
  index: number;
  /** Index of the nearest line, when the pointer is close to one. */
  line: number | null;
}

interface Props {
  model: ChartModel;
  window: TimeWindow;
  dark: boolean;
  label: string;
  onHover: (hover: Hover | null) => void;
  onZoom: (window: TimeWindow) => void;
  onReset: () => void;
}

const HEIGHT = 180;
const SYNC = "page";
const BINARY_STEPS = Array.from({ length: 64 }, (_, i) => 2 ** (i - 2));

export function Plot(props: Props) {
  const root = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const { model, window, dark } = props;
  const shape = JSON.stringify([
    dark,
    model.unit,
    model.stacked,
    model.band,
    model.lines.map((line) => [line.label, line.color, line.dashed]),
  ]);

  // `shape` stands for all that the options are made of
  useEffect(() => {
    const target = root.current;
    if (!target) return;
    const made = new uPlot(optionsFor(latest, target.clientWidth), dataOf(latest.current.model), target);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (target.clientWidth) made.setSize({ width: target.clientWidth, height: HEIGHT });
    });
    observer.observe(target);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  // the window is read when the scale is computed
  useEffect(() => {
    plot.current?.setData(dataOf(model));
  }, [model, window.start, window.end]);

  return <div class="plot" ref={root} role="img" aria-label={props.label} />;
}

function dataOf(model: ChartModel): uPlot.AlignedData {
  const columns = model.lines.map((line) => line.values);
  if (!model.stacked) return [model.times, ...columns] as uPlot.AlignedData;
  const parts = stackedCount(model);
  return [model.times, ...stack(columns.slice(0, parts)), ...columns.slice(parts)] as uPlot.AlignedData;
}

/** Dashed lines (a total) come last and lie over the stack. */
const stackedCount = (model: ChartModel) => model.lines.filter((line) => !line.dashed).length;

function optionsFor(latest: { current: Props }, width: number): uPlot.Options {
  const { model } = latest.current;
  const colors = themeColors();
  let nearest: number | null = null;
  const axis: uPlot.Axis = {
    stroke: colors.muted,
    font: "11px system-ui, sans-serif",
    grid: { stroke: colors.grid, width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(width, 100),
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: true, range: () => [latest.current.window.start, latest.current.window.end] },
      y: { range: (_u, min, max) => rangeY(latest.current.model, min, max) },
    },
    axes: [
      { ...axis, space: 64, size: 26, values: (_u, ticks, _axis, _space, step) => timeTicks(ticks, step) },
      {
        ...axis,
        size: 66,
        space: 34,
        ...(model.unit === "B" ? { incrs: BINARY_STEPS } : {}),
        values: (_u, ticks) => valueTicks(ticks, latest.current.model.unit),
      },
    ],
    series: [
      {},
      ...model.lines.map((line, i) => seriesFor(model, i, colors.series[line.color] ?? colors.muted)),
    ],
    bands: bandsFor(model, colors.series[0] ?? colors.muted),
    cursor: {
      y: false,
      points: { size: 6 },
      focus: { prox: model.stacked || model.band ? -1 : 24 },
      drag: { x: true, y: false, setScale: false },
      sync: { key: SYNC, setSeries: false, filters: { pub: isHover, sub: () => true } },
      bind: {
        dblclick: () => () => {
          latest.current.onReset();
          return null;
        },
      },
    },
    focus: { alpha: 0.25 },
    hooks: {
      setCursor: [
        (u) => {
          const index = u.cursor.idx;
          latest.current.onHover(index === null || index === undefined ? null : { index, line: nearest });
        },
      ],
      setSeries: [
        (_u, index, change) => {
          if ("focus" in change) nearest = index === null ? null : index - 1;
        },
      ],
      setSelect: [
        (u) => {
          if (u.select.width < 5) return;
          const start = u.posToVal(u.select.left, "x");
          const end = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onZoom({ start: Math.floor(start), end: Math.ceil(end) });
        },
      ],
    },
  };
}

function seriesFor(model: ChartModel, index: number, color: string): uPlot.Series {
  const line = model.lines[index];
  const edge = model.band && index !== 1;
  const area = model.stacked && !line?.dashed;
  return {
    label: line?.label ?? "",
    stroke: edge ? withAlpha(color, 0.35) : color,
    width: area ? 0 : edge || model.lines.length > 16 ? 1 : 1.5,
    points: { show: false },
    ...(line?.dashed ? { dash: [5, 4] } : {}),
    ...(area ? { fill: withAlpha(color, 0.8) } : {}),
    ...(model.lines.length === 1 ? { fill: withAlpha(color, 0.12) } : {}),
  };
}

function bandsFor(model: ChartModel, color: string): uPlot.Band[] {
  if (model.band) return [{ series: [1, 3], fill: withAlpha(color, 0.18) }];
  if (!model.stacked) return [];
  return model.lines
    .slice(1, stackedCount(model))
    .map((_, i) => ({ series: [i + 2, i + 1] as [number, number] }));
}

/** Pictures of a page share the pointer's time, but not the drag that zooms. */
const isHover = (type: string) => type === "mousemove" || type === "mouseleave";

const withAlpha = (color: string, alpha: number) =>
  `${color}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, "0")}`;

function rangeY(model: ChartModel, min: number | null, max: number | null): [number, number] {
  const low = Math.min(0, min ?? 0);
  const high = Math.max(max ?? 0, model.atLeast ?? 0);
  if (high === low) return [low, low + 1];
  return [low, high === model.atLeast ? high : high + (high - low) * 0.06];
}

function valueTicks(ticks: number[], unit: string): string[] {
  const scale = scaleFor(unit, Math.max(...ticks.map(Math.abs)));
  if (unit === "s") return ticks.map((tick) => formatValue(tick, unit));
  return ticks.map((tick) => {
    const number = Number.parseFloat((tick / scale.divisor).toPrecision(6));
    return scale.label ? `${number} ${scale.label}` : String(number);
  });
}

function timeTicks(ticks: number[], step: number): string[] {
  let day = "";
  return ticks.map((tick) => {
    const date = new Date(tick * 1000);
    const clock = date.toTimeString().slice(0, step < 60 ? 8 : 5);
    const newDay = date.toDateString() !== day && (day !== "" || step >= 86_400);
    day = date.toDateString();
    return newDay ? date.toLocaleDateString("en", { month: "short", day: "numeric" }) : clock;
  });
}
