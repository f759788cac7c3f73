import type { JobDetail } from "../../api/types";
import { now } from "../../app/clock";
import { exitInWords, isActive, jobLook } from "../../format/states";
import { formatElapsed, formatSpan, millisOf } from "../../format/time";
import { formatPercent, percent } from "../../format/units";
import { Facts } from "../../parts/facts";
import { Meter } from "../../parts/meter";
import { JobState } from "../../parts/state";
import { Ago, Time } from "../../parts/time";
import { elapsedOf, jobNumber } from "../jobs/jobs_table";
import { EfficiencyGauges } from "./efficiency";

/** Who, what, when, and how it ended. */
export function JobHead({ job }: { job: JobDetail }) {
  return (
    <section class="card view-head">
      <div class="view-title">
        <p class="crumbs">
          <a href="/jobs">Jobs</a> / {job.cluster}
        </p>
        <h1>
          {jobNumber(job)} <span class="job-name">{job.name}</span> <JobState state={job.state} />
        </h1>
        <p>{outcome(job)}</p>
      </div>
      <Used job={job} />
      <Facts
        items={[
          ["User", filterLink("user", job.user)],
          ["Group", job.group],
          ["Account", filterLink("account", job.account)],
          ["Partition", filterLink("partition", job.partition)],
          ["QOS", job.qos],
          ["Nodes", job.num_nodes],
          ["CPUs", job.cpus],
          ["GPUs", job.gpus || null],
          ["Submitted", job.submit_time && <Time at={job.submit_time} />],
          ["Waited", waited(job)],
          ["Started", job.start_time && <Time at={job.start_time} />],
          ["Ended", job.end_time && <Time at={job.end_time} />],
          ["Restarts", job.restart_count || null],
          ["Array", job.array_job_id && `${job.array_job_id}, task ${job.array_task_id}`],
          ["Job id", jobNumber(job) === String(job.job_id) ? null : job.job_id],
          ["Heterogeneous", job.het_job_id && `part ${job.het_job_offset} of ${job.het_job_id}`],
          ["Derived exit code", job.derived_exit_code || null],
          ["SLUID", job.sluid],
          ["Directory", job.work_dir && <code>{job.work_dir}</code>],
          ["Comment", job.comment],
        ]}
      />
    </section>
  );
}

function outcome(job: JobDetail) {
  const words = [jobLook(job.state).meaning, exitInWords(job.exit_code, job.signal)];
  return (
    <span class="outcome">
      {words.filter(Boolean).map(upper).join(" ")}
      {job.end_time && (
        <span class="quiet-text">
          {" "}
          · ended <Ago at={job.end_time} />
        </span>
      )}
    </span>
  );
}

const upper = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;

function waited(job: JobDetail): string | null {
  const [submitted, started] = [millisOf(job.submit_time), millisOf(job.start_time)];
  return submitted !== null && started !== null ? formatSpan(Math.max(0, started - submitted) / 1000) : null;
}

const filterLink = (name: string, value: string | null) =>
  value && <a href={`/jobs?${name}=${encodeURIComponent(value)}`}>{value}</a>;

function Used({ job }: { job: JobDetail }) {
  const seconds = isActive(job.state) ? elapsedOf(job, now.value) : job.elapsed_seconds;
  if (seconds === null) return null;
  const limit = job.time_limit_seconds;
  const share = limit ? percent(seconds, limit) : null;
  return (
    <div class="gauges">
      <div class="used">
        <h2>Elapsed{limit ? " of the limit" : ""}</h2>
        {limit ? (
          <Meter value={share} warnAbove={isActive(job.state) ? 90 : 101}>
            <b>{formatElapsed(seconds)}</b> / {formatElapsed(limit)} ({formatPercent(share)})
          </Meter>
        ) : (
          <b class="tabular">{formatElapsed(seconds)}</b>
        )}
      </div>
      <EfficiencyGauges job={job} />
    </div>
  );
}
