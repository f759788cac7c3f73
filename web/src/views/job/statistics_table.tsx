import { useState } from "preact/hooks";
import { jobStatistics } from "../../api/client";
import type { JobDetail, MetricStatistics, Spread } from "../../api/types";
import { useResource } from "../../app/resource";
import { useGroups } from "../../charts/catalogue";
import { download, toCsv } from "../../format/csv";
import { metricName } from "../../format/metrics";
import { formatValue } from "../../format/units";
import { Loading, ProblemNote } from "../../parts/notes";
import { nodeLink } from "../jobs/jobs_table";

/** What a job is judged by, as far as the catalogue has it. */
const KEY_METRICS = new Set([
  ...["job_cpu_used", "job_user_cpu", "job_sys_cpu", "job_mem_used", "job_mem_limit", "job_oom_kills"],
  ...["job_acc_utilization", "job_acc_mem_used"],
  ...[
    "cpu_user",
    "cpu_system",
    "cpu_iowait",
    "cpu_load",
    "mem_used",
    "swap_used",
    "major_page_faults",
    "oom_kills",
  ],
  ...[
    "pressure_cpu_some",
    "pressure_memory_some",
    "pressure_io_some",
    "net_bw",
    "disk_read_bw",
    "disk_write_bw",
  ],
  ...["ic_read_bw", "ic_write_bw", "flops_any", "mem_bw", "clock", "cpu_power"],
  ...["acc_utilization", "acc_mem_used", "acc_power"],
]);

interface Props {
  job: JobDetail;
  refreshSeconds: number;
}

/** Least, average and greatest value of each metric, and of each node under it. */
export function StatisticsTable({ job, refreshSeconds }: Props) {
  const which = { cluster: job.cluster, submit_time: job.submit_time };
  const catalogue = useGroups("job");
  const metrics = catalogue.metrics.map((metric) => metric.name).filter((name) => KEY_METRICS.has(name));
  const statistics = useResource(
    metrics.length ? `statistics/${job.cluster}/${job.job_id}/${job.submit_time}/${job.state}` : null,
    (abort) => jobStatistics(String(job.job_id), { ...which, metrics: metrics.join(",") }, abort),
    { everySeconds: refreshSeconds, keep: true },
  );
  const { data, problem } = statistics;
  return (
    <section aria-label="Statistics">
      <header class="group-head">
        <h2>Statistics</h2>
        {data && data.items.length > 0 && (
          <button
            type="button"
            class="quiet"
            onClick={() => download(`job-${job.job_id}-statistics.csv`, statisticsCsv(data.items))}
          >
            CSV
          </button>
        )}
      </header>
      {problem && !data && <ProblemNote problem={problem} retry={statistics.refresh} />}
      {!data && !problem && <Loading rows={3} />}
      {data && data.items.length === 0 && <p class="quiet-text">No samples of this job.</p>}
      {data && data.items.length > 0 && (
        <div class="card table-card">
          <table class="list statistics">
            <thead>
              <tr>
                <th scope="col">Metric</th>
                <th scope="col" class="number">
                  Lowest
                </th>
                <th scope="col" class="number">
                  Average
                </th>
                <th scope="col" class="number">
                  Highest
                </th>
                <th scope="col" class="number wide-only">
                  Samples
                </th>
              </tr>
            </thead>
            {data.items.map((row) => (
              <MetricRows key={row.metric} row={row} cluster={job.cluster} />
            ))}
          </table>
        </div>
      )}
    </section>
  );
}

function MetricRows({ row, cluster }: { row: MetricStatistics; cluster: string }) {
  const [open, setOpen] = useState(false);
  const several = row.nodes.length > 1;
  const name = metricName(row.metric);
  return (
    <tbody>
      <tr>
        <th scope="row">
          {several ? (
            <button type="button" class="disclose" aria-expanded={open} onClick={() => setOpen(!open)}>
              {name} <small class="quiet-text">{row.nodes.length} nodes</small>
            </button>
          ) : (
            name
          )}
        </th>
        <Numbers of={row} unit={row.unit} />
      </tr>
      {open &&
        row.nodes.map((node) => (
          <tr key={node.hostname} class="sub">
            <th scope="row">{nodeLink(cluster, node.hostname)}</th>
            <Numbers of={node} unit={row.unit} />
          </tr>
        ))}
    </tbody>
  );
}

const Numbers = ({ of, unit }: { of: Spread; unit: string }) => (
  <>
    <td class="number">{formatValue(of.min, unit)}</td>
    <td class="number">
      <b>{formatValue(of.avg, unit)}</b>
    </td>
    <td class="number">{formatValue(of.max, unit)}</td>
    <td class="number wide-only">{of.count}</td>
  </>
);

function statisticsCsv(items: MetricStatistics[]): string {
  const rows = items.flatMap((item) => [
    [item.metric, item.unit, "", item.min, item.avg, item.max, item.count],
    ...item.nodes.map((node) => [
      item.metric,
      item.unit,
      node.hostname,
      node.min,
      node.avg,
      node.max,
      node.count,
    ]),
  ]);
  return toCsv([["metric", "unit", "hostname", "min", "avg", "max", "count"], ...rows]);
}
