/** The pictures of one group of metrics, asked for in one question when they come near the screen. */

import type { SeriesAnswer } from "../api/types";
import { useResource } from "../app/resource";
import { ProblemNote } from "../parts/notes";
import { ChartCard } from "./chart_card";
import { GroupSection, Missing, useDrawn } from "./group_section";
import { type Group, modelOf, type Plan } from "./plans";
import type { TimeWindow } from "./plot";
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
  return (
    <GroupSection name={group.name} more={group.more.length}>
      {({ seen, open, onEmpty }) => (
        <>
          <PlanCharts
            name={`${group.name}/main`}
            plans={group.main}
            source={source}
            seen={seen}
            onEmpty={onEmpty}
          />
          {open && <PlanCharts name={`${group.name}/more`} plans={group.more} source={source} seen={seen} />}
        </>
      )}
    </GroupSection>
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
  onEmpty?: (empty: boolean) => void;
}

function PlanCharts({ name, plans, source, seen, onEmpty }: PlanProps) {
  const metrics = plans.flatMap((plan) => plan.metrics);
  const answer = useResource(
    seen && metrics.length ? `${source.key}/${name}` : null,
    (abort) => readChunks(metrics, (some) => source.read(some, abort)),
    { everySeconds: source.everySeconds, keep: true },
  );
  const { data, problem } = answer;
  const present = new Set(data?.items.map((item) => item.metric));
  const has = data && ((plan: Plan) => plan.metrics.some((metric) => present.has(metric)));
  const { drawn, missing } = useDrawn(plans, has, onEmpty);
  if (problem && !data) return <ProblemNote problem={problem} retry={answer.refresh} />;
  return (
    <>
      <div class="chart-grid">
        {drawn.map((plan) => (
          <PlanChart key={plan.id} plan={plan} data={data} source={source} loading={answer.loading} />
        ))}
      </div>
      <Missing titles={missing.map((plan) => plan.title)} />
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
