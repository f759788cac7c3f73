/** The pictures of one group for several nodes: a line per node, or the space between lowest and highest. */

import { useState } from "preact/hooks";
import type { Metric, Series, SeriesAnswer } from "../api/types";
import { useResource } from "../app/resource";
import { ProblemNote } from "../parts/notes";
import { ChartCard } from "./chart_card";
import { readChunks, windowOf } from "./group_charts";
import { bandModel, type Group, type MetricPlan, metricPlans, nodesModel } from "./plans";
import type { ChartModel } from "./series";
import { useSeen } from "./visible";
import { resetZoom, zoomTo } from "./window";

export type OverNodes = "avg" | "min" | "max";

export interface NodesSource {
  key: string;
  /** Series of some metrics; combined over nodes when that is named. */
  read: (metrics: string[], over: OverNodes | null, abort: AbortSignal) => Promise<SeriesAnswer>;
  everySeconds: number;
  filename: string;
}

interface Props {
  group: Group;
  catalogue: Metric[];
  source: NodesSource;
  spread: boolean;
}

export function NodesCharts({ group, catalogue, source, spread }: Props) {
  const { ref, seen } = useSeen<HTMLElement>();
  const [open, setOpen] = useState(false);
  const { main, more } = metricPlans(group, catalogue);
  const shared = { source, spread, seen };
  return (
    <section class="chart-group" ref={ref} aria-label={group.name}>
      <header class="group-head">
        <h2>{group.name}</h2>
        {more.length > 0 && (
          <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? "Fewer" : `${more.length} more`}
          </button>
        )}
      </header>
      <MetricGrid name={`${group.name}/main`} plans={main} {...shared} />
      {open && <MetricGrid name={`${group.name}/more`} plans={more} {...shared} />}
    </section>
  );
}

interface GridProps {
  name: string;
  plans: MetricPlan[];
  source: NodesSource;
  spread: boolean;
  seen: boolean;
}

/** Answers for one question: per node [lines], or [maximum, average, minimum]. */
type Answers = { spread: boolean; parts: SeriesAnswer[] };

function MetricGrid({ name, plans, source, spread, seen }: GridProps) {
  const metrics = plans.map((plan) => plan.metric);
  const answer = useResource<Answers>(
    seen && metrics.length ? `${source.key}/${name}/${spread}` : null,
    async (abort) => {
      const over: (OverNodes | null)[] = spread ? ["max", "avg", "min"] : [null];
      return {
        spread,
        parts: await Promise.all(
          over.map((one) => readChunks(metrics, (some) => source.read(some, one, abort))),
        ),
      };
    },
    { everySeconds: source.everySeconds, keep: true },
  );
  const { data, problem } = answer;
  if (problem && !data) return <ProblemNote problem={problem} retry={answer.refresh} />;
  const has = (metric: string) => data?.parts[0]?.items.some((item) => item.metric === metric);
  const drawn = data ? plans.filter((plan) => has(plan.metric)) : plans;
  const missing = plans.filter((plan) => !drawn.includes(plan));
  return (
    <>
      <div class="chart-grid">
        {drawn.map((plan) => (
          <ChartCard
            key={plan.metric}
            title={plan.title}
            help={plan.help}
            model={data && metricModel(plan, data)}
            window={windowOf(data?.parts[0])}
            loading={answer.loading}
            filename={`${source.filename}-${plan.metric}`}
            onZoom={zoomTo}
            onReset={resetZoom}
          />
        ))}
      </div>
      {missing.length > 0 && (
        <p class="quiet-text missing">
          No samples in this time: {missing.map((plan) => plan.title).join(", ")}.
        </p>
      )}
    </>
  );
}

function metricModel(plan: MetricPlan, data: Answers): ChartModel {
  const own = data.parts.map((part) => part.items.filter((item) => item.metric === plan.metric));
  const resolution = data.parts[0]?.resolution_seconds ?? 1;
  if (!data.spread) return nodesModel(own[0] ?? [], plan.unit, resolution);
  const [max, avg, min] = own.map((items) => items[0]);
  const none: Series = {
    metric: plan.metric,
    unit: plan.unit,
    hostname: null,
    type: "node",
    type_id: "",
    stype_id: "",
    times: [],
    values: [],
  };
  return bandModel(max ?? none, avg ?? none, min ?? none, resolution);
}
