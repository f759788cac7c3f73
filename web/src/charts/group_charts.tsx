/** The pictures of one group of metrics, asked for in one question when they come near the screen. */

import { useState } from "preact/hooks";
import type { SeriesAnswer } from "../api/types";
import { useResource } from "../app/resource";
import { ProblemNote } from "../parts/notes";
import { ChartCard } from "./chart_card";
import { type Group, modelOf, type Plan } from "./plans";
import type { TimeWindow } from "./plot";
import { useSeen } from "./visible";
import { resetZoom, zoomTo } from "./window";

export interface Source {
  /** Changes when the series do: node or job, and range. */
  key: string;
  /** Ask for the node-level series of some metrics. */
  read: (metrics: string[], abort: AbortSignal) => Promise<SeriesAnswer>;
  everySeconds: number;
  /** Start of file names. */
  filename: string;
}

export function GroupCharts({ group, source }: { group: Group; source: Source }) {
  const { ref, seen } = useSeen<HTMLElement>();
  const [open, setOpen] = useState(group.main.length === 0 ? false : undefined);
  const hasMore = group.more.length > 0;
  return (
    <section class="chart-group" ref={ref} aria-label={group.name}>
      <header class="group-head">
        <h2>{group.name}</h2>
        {hasMore && (
          <button type="button" class="quiet" aria-expanded={Boolean(open)} onClick={() => setOpen(!open)}>
            {open ? "Fewer" : `${group.more.length} more`}
          </button>
        )}
      </header>
      <PlanCharts name={`${group.name}/main`} plans={group.main} source={source} seen={seen} />
      {open && <PlanCharts name={`${group.name}/more`} plans={group.more} source={source} seen={seen} />}
    </section>
  );
}

/** The gateway answers for at most 32 metrics at once. */
const CHUNK = 30;

/** Ask in parts, one after the other, and put the answers together. */
export async function readChunks(
  metrics: string[],
  read: (metrics: string[]) => Promise<SeriesAnswer>,
): Promise<SeriesAnswer> {
  const answer = await read(metrics.slice(0, CHUNK));
  for (let i = CHUNK; i < metrics.length; i += CHUNK) {
    answer.items.push(...(await read(metrics.slice(i, i + CHUNK))).items);
  }
  return answer;
}

interface PlanProps {
  name: string;
  plans: Plan[];
  source: Source;
  seen: boolean;
}

function PlanCharts({ name, plans, source, seen }: PlanProps) {
  const metrics = plans.flatMap((plan) => plan.metrics);
  const answer = useResource(
    seen && metrics.length ? `${source.key}/${name}` : null,
    (abort) => readChunks(metrics, (some) => source.read(some, abort)),
    { everySeconds: source.everySeconds, keep: true },
  );
  const { data, problem } = answer;
  if (problem && !data) return <ProblemNote problem={problem} retry={answer.refresh} />;
  const present = new Set(data?.items.map((item) => item.metric));
  const drawn = data ? plans.filter((plan) => plan.metrics.some((metric) => present.has(metric))) : plans;
  const missing = plans.filter((plan) => !drawn.includes(plan));
  return (
    <>
      <div class="chart-grid">
        {drawn.map((plan) => (
          <PlanChart key={plan.id} plan={plan} data={data} source={source} loading={answer.loading} />
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

interface ChartProps {
  plan: Plan;
  data: SeriesAnswer | undefined;
  source: Source;
  loading: boolean;
}

function PlanChart({ plan, data, source, loading }: ChartProps) {
  return (
    <ChartCard
      title={plan.title}
      help={plan.help}
      model={data && modelOf(plan, data.items, data.resolution_seconds)}
      window={windowOf(data)}
      loading={loading}
      filename={`${source.filename}-${plan.title.toLowerCase().replaceAll(" ", "-")}`}
      onZoom={zoomTo}
      onReset={resetZoom}
    />
  );
}

/** The window that an answer covers. */
export function windowOf(data: SeriesAnswer | undefined): TimeWindow {
  if (!data) return { start: 0, end: 1 };
  return { start: Date.parse(data.start) / 1000, end: Date.parse(data.end) / 1000 };
}
