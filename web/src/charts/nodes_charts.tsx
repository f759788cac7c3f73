/** The pictures of one group for several nodes: a line per node, or the space between lowest and highest. */

import type { Metric, Series, SeriesAnswer } from "../api/types";
import { useResource } from "../app/resource";
import { ProblemNote } from "../parts/notes";
import { ChartCard } from "./chart_card";
import { readChunks, windowOf } from "./group_charts";
import { GroupSection, Missing, useDrawn } from "./group_section";
import { bandModel, type Group, type MetricPlan, metricPlans, nodesModel } from "./plans";
import type { ChartModel } from "./series";
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
  const { main, more } = metricPlans(group, catalogue);
  return (
    <GroupSection name={group.name} more={more.length}>
      {({ seen, open, onEmpty }) => {
        const shared = { source, spread, seen };
        return (
          <>
            <MetricGrid name={`${group.name}/main`} plans={main} onEmpty={onEmpty} {...shared} />
            {open && <MetricGrid name={`${group.name}/more`} plans={more} {...shared} />}
          </>
        );
      }}
    </GroupSection>
  );
}

interface GridProps {
  name: string;
  plans: MetricPlan[];
  source: NodesSource;
  spread: boolean;
  seen: boolean;
  onEmpty?: (empty: boolean) => void;
}

/** Answers for one question: per node [lines], or [maximum, average, minimum]. */
type Answers = { spread: boolean; parts: SeriesAnswer[] };

function MetricGrid({ name, plans, source, spread, seen, onEmpty }: GridProps) {
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
  const present = new Set(data?.parts[0]?.items.map((item) => item.metric));
  const { drawn, missing } = useDrawn(plans, data && ((plan) => present.has(plan.metric)), onEmpty);
  if (problem && !data) return <ProblemNote problem={problem} retry={answer.refresh} />;
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
      <Missing titles={missing.map((plan) => plan.title)} />
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
