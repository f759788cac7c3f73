import type { Job } from "../../api/types";
import { now } from "../../app/clock";
import { jobPath, nodePath } from "../../app/routes";
import { isActive, signalName } from "../../format/states";
import { formatElapsed, millisOf } from "../../format/time";
import { percent } from "../../format/units";
import { Meter } from "../../parts/meter";
import { Spacer, useRows } from "../../parts/rows";
import { type Order, SortHead } from "../../parts/sort";
import { JobState } from "../../parts/state";
import { Time } from "../../parts/time";
import { jobKey } from "./pages";

interface Props {
  jobs: Job[];
  /** Without these the heads do not sort. */
  order?: Order;
  onSort?: (order: Order) => void;
  withCluster?: boolean;
}

const ROW_HEIGHT = 36; // tables.css

export function JobsTable({ jobs, order, onSort, withCluster = false }: Props) {
  const { ref, slice } = useRows<HTMLTableSectionElement>(jobs.length, ROW_HEIGHT);
  const head = (column: string, label: string, className = "") =>
    order && onSort ? (
      <SortHead
        column={column}
        label={label}
        order={order}
        onSort={onSort}
        descendingFirst
        className={className}
      />
    ) : (
      <th scope="col" class={className}>
        {label}
      </th>
    );
  return (
    <div class="card table-card">
      <table class="list jobs" aria-rowcount={jobs.length + 1}>
        <thead>
          <tr>
            {head("job_id", "Job")}
            <th scope="col">State</th>
            <th scope="col">Name</th>
            {withCluster && <th scope="col">Cluster</th>}
            <th scope="col">User</th>
            <th scope="col" class="wide-only">
              Account
            </th>
            <th scope="col" class="not-narrow">
              Partition
            </th>
            <th scope="col" class="number not-narrow">
              Nodes
            </th>
            <th scope="col" class="number wide-only">
              CPUs
            </th>
            {head("start_time", "Started", "not-narrow")}
            {head("end_time", "Ended", "wide-only")}
            <th scope="col">Elapsed / limit</th>
            <th scope="col" class="wide-only">
              Exit
            </th>
          </tr>
        </thead>
        <tbody ref={ref}>
          {slice.above > 0 && <Spacer height={slice.above} />}
          {jobs.slice(slice.first, slice.last).map((job, i) => (
            <Row key={jobKey(job)} job={job} index={slice.first + i} withCluster={withCluster} />
          ))}
          {slice.below > 0 && <Spacer height={slice.below} />}
        </tbody>
      </table>
    </div>
  );
}

/** `4711`, or `4700_3` for a task of an array, `4700+1` for a part of a heterogeneous job. */
export function jobNumber(job: Job): string {
  if (job.array_job_id !== null && job.array_task_id !== null)
    return `${job.array_job_id}_${job.array_task_id}`;
  if (job.het_job_id !== null && job.het_job_offset !== null)
    return `${job.het_job_id}+${job.het_job_offset}`;
  return String(job.job_id);
}

/** Seconds since the start, ticking while the job runs. */
export function elapsedOf(job: Job, nowMillis: number): number | null {
  const start = millisOf(job.start_time);
  if (isActive(job.state) && start !== null) return Math.max(0, (nowMillis - start) / 1000);
  return job.elapsed_seconds;
}

function Row({ job, index, withCluster }: { job: Job; index: number; withCluster: boolean }) {
  return (
    <tr aria-rowindex={index + 2}>
      <th scope="row">
        <a href={jobPath(job)}>{jobNumber(job)}</a>
      </th>
      <td>
        <JobState state={job.state} reason={job.reason} />
      </td>
      <td class="clip" title={job.name ?? undefined}>
        {job.name ?? "–"}
      </td>
      {withCluster && <td>{job.cluster}</td>}
      <td class="clip">{job.user ?? "–"}</td>
      <td class="clip wide-only">{job.account ?? "–"}</td>
      <td class="not-narrow">{job.partition ?? "–"}</td>
      <td class="number not-narrow">{job.num_nodes ?? "–"}</td>
      <td class="number wide-only">{job.cpus ?? "–"}</td>
      <td class="not-narrow">
        <Time at={job.start_time} />
      </td>
      <td class="wide-only">
        <Time at={job.end_time} />
      </td>
      <td>
        <Elapsed job={job} />
      </td>
      <td class="wide-only">{exitShort(job)}</td>
    </tr>
  );
}

/** Time used of the time limit. */
export function Elapsed({ job }: { job: Job }) {
  const seconds = isActive(job.state) ? elapsedOf(job, now.value) : job.elapsed_seconds;
  if (seconds === null) return <span class="quiet-text">–</span>;
  const limit = job.time_limit_seconds;
  if (!limit) return <span class="tabular">{formatElapsed(seconds)}</span>;
  return (
    <Meter value={percent(seconds, limit)} warnAbove={isActive(job.state) ? 90 : 101}>
      {formatElapsed(seconds)}
      <small class="quiet-text"> / {formatElapsed(limit)}</small>
    </Meter>
  );
}

function exitShort(job: Job): string {
  if (job.signal) return signalName(job.signal);
  return job.exit_code === null ? "" : String(job.exit_code);
}

export const nodeLink = (cluster: string, hostname: string) => (
  <a href={nodePath(cluster, hostname)}>{hostname}</a>
);
