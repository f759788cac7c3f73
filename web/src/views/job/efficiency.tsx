import { jobStatistics } from "../../api/client";
import type { JobDetail } from "../../api/types";
import { useResource } from "../../app/resource";
import { isActive } from "../../format/states";
import { formatPercent } from "../../format/units";
import { Meter } from "../../parts/meter";

/** One metric is enough: the answer has the efficiency whatever is asked for. */
const ANY_METRIC = "job_mem_used";

/** How well the job used what it had; nothing where its nodes tell no metrics of jobs. */
export function EfficiencyGauges({ job }: { job: JobDetail }) {
  const which = { cluster: job.cluster, submit_time: job.submit_time, metrics: ANY_METRIC };
  const { data } = useResource(
    job.start_time ? `efficiency/${job.cluster}/${job.job_id}/${job.submit_time}/${job.state}` : null,
    (abort) => jobStatistics(String(job.job_id), which, abort),
    { everySeconds: isActive(job.state) ? 60 : 0, keep: true },
  );
  return (
    <>
      <Gauge
        title="CPU time used"
        value={data?.efficiency?.cpu_percent}
        help="of all time of the hardware threads that the job had"
      />
      <Gauge
        title="Memory used"
        value={data?.efficiency?.memory_percent}
        help="the most on any node, of what it might use there, without page cache"
        warnAbove={90}
      />
    </>
  );
}

interface Props {
  title: string;
  value: number | null | undefined;
  help: string;
  warnAbove?: number;
}

function Gauge({ title, value, help, warnAbove = 101 }: Props) {
  if (value === null || value === undefined) return null;
  return (
    <div class="used" title={help}>
      <h2>{title}</h2>
      <Meter value={Math.min(value, 100)} warnAbove={warnAbove}>
        <b>{formatPercent(value)}</b>
      </Meter>
    </div>
  );
}
