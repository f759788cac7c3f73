import type { Query } from "../../api/client";
import { jobSeries } from "../../api/client";
import type { JobDetail } from "../../api/types";
import { query, setQuery } from "../../app/router";
import { useGroups } from "../../charts/catalogue";
import { GroupCharts } from "../../charts/group_charts";
import { NodesCharts } from "../../charts/nodes_charts";
import { withoutParts } from "../../charts/plans";
import { currentRange, RANGES, type Range, RangePicker, refreshSeconds } from "../../charts/window";
import { isActive } from "../../format/states";
import { millisOf } from "../../format/time";
import { Loading, ProblemNote } from "../../parts/notes";

const POINTS = 240;
/** Up to here lines of single nodes can be told apart. */
const LINES_BY_DEFAULT = 8;
/** Above it a picture of single lines is too much to ask for. */
const LINES_AT_MOST = 100;

export const hostsOf = (job: JobDetail) => [...new Set(job.allocations.map((one) => one.hostname))];

export function JobCharts({ job }: { job: JobDetail }) {
  const { groups, metrics, problem, loading } = useGroups("job");
  const hosts = hostsOf(job);
  const active = isActive(job.state);
  const range = currentRange("all");
  const spread = wantsSpread(hosts.length);
  const which: Query = {
    cluster: job.cluster,
    submit_time: job.submit_time,
    points: POINTS,
    ...windowQuery(job, range),
  };
  const seconds = RANGES[range.name]?.seconds ?? job.elapsed_seconds ?? 3600;
  const ask = async (names: string[], over: string | null, abort: AbortSignal) => {
    const question = { ...which, metrics: names.join(","), over_nodes: over };
    const answer = await jobSeries(String(job.job_id), question, abort);
    return { ...answer, items: withoutParts(answer.items) };
  };
  const shared = {
    key: `job/${job.cluster}/${job.job_id}/${job.submit_time}/${job.state}/${JSON.stringify(range)}`,
    everySeconds: active && !range.fixed ? refreshSeconds(seconds) : 0,
    filename: `job-${job.job_id}`,
  };
  return (
    <section aria-label="Charts">
      <div class="toolbar sticky">
        <RangePicker range={range} all="Whole job" following={active && !range.fixed} />
        {hosts.length > 1 && <SpreadPicker spread={spread} nodes={hosts.length} />}
      </div>
      {problem && <ProblemNote problem={problem} />}
      {loading && !problem && <Loading />}
      {groups.map((group, i) => [
        i === 1 && (
          <p key="nodes" class="quiet-text">
            From here on: the nodes of the job, with everything that runs on them.
          </p>
        ),
        hosts.length > 1 ? (
          <NodesCharts
            key={group.name}
            group={group}
            catalogue={metrics}
            spread={spread}
            source={{ ...shared, read: ask }}
          />
        ) : (
          <GroupCharts
            key={group.name}
            group={group}
            source={{ ...shared, read: (names, abort) => ask(names, null, abort) }}
          />
        ),
      ])}
    </section>
  );
}

function wantsSpread(nodes: number): boolean {
  const wish = query.value.get("nodes");
  if (nodes > LINES_AT_MOST) return true;
  return wish ? wish === "spread" : nodes > LINES_BY_DEFAULT;
}

/** The gateway's own default is the whole job; shorter ranges end with the job, or now. */
function windowQuery(job: JobDetail, range: Range): Query {
  if (range.fixed) return { start: range.fixed.start, end: range.fixed.end };
  const seconds = RANGES[range.name]?.seconds;
  if (!seconds) return {};
  const end = millisOf(job.end_time);
  if (end === null) return { start: `-${seconds}s` };
  return { start: Math.floor(end / 1000) - seconds, end: Math.ceil(end / 1000) };
}

function SpreadPicker({ spread, nodes }: { spread: boolean; nodes: number }) {
  const many = nodes > LINES_AT_MOST;
  return (
    <fieldset class="segments">
      <legend class="sr">Nodes</legend>
      <button
        type="button"
        aria-pressed={!spread}
        disabled={many}
        title={many ? `Not with more than ${LINES_AT_MOST} nodes` : undefined}
        onClick={() => setQuery({ nodes: "lines" })}
      >
        Line per node
      </button>
      <button type="button" aria-pressed={spread} onClick={() => setQuery({ nodes: "spread" })}>
        Range over nodes
      </button>
    </fieldset>
  );
}
