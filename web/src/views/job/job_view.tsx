import { useEffect } from "preact/hooks";
import { getJob } from "../../api/client";
import { listen } from "../../api/live";
import { useResource } from "../../app/resource";
import { query } from "../../app/router";
import type { Params } from "../../app/routes";
import { isActive } from "../../format/states";
import { EmptyNote, Loading, ProblemNote } from "../../parts/notes";
import { Allocations } from "./allocations";
import { History } from "./history";
import { JobCharts } from "./job_charts";
import { JobHead } from "./job_head";
import { Runs } from "./runs";
import { StatisticsTable } from "./statistics_table";

export function JobView({ params }: { params: Params }) {
  const { cluster, job_id: jobId = "" } = params;
  const submitTime = query.value.get("submit_time");
  const which = { cluster, submit_time: submitTime };
  const key = `job/${cluster}/${jobId}/${submitTime}`;
  const job = useResource(key, (abort) => getJob(jobId, which, abort), { everySeconds: 30 });
  const { refresh } = job;
  const number = job.data?.job_id;
  useEffect(
    () =>
      listen((event) => {
        if (event === null || (event.job_id === number && event.type.startsWith("job."))) refresh();
      }),
    [number, refresh],
  );
  if (!job.data) {
    if (job.problem?.status === 404) return <NoJob jobId={jobId} />;
    return job.problem ? <ProblemNote problem={job.problem} retry={refresh} /> : <Loading />;
  }
  const detail = job.data;
  return (
    <>
      <JobHead job={detail} />
      {detail.start_time === null ? (
        <EmptyNote title="It has not started">
          <p>
            {detail.reason ? `Slurm's reason: ${detail.reason}. ` : ""}Charts begin with its first samples.
          </p>
        </EmptyNote>
      ) : (
        <>
          <JobCharts job={detail} />
          <StatisticsTable job={detail} refreshSeconds={isActive(detail.state) ? 60 : 0} />
        </>
      )}
      <Runs job={detail} />
      <div class="columns">
        <Allocations job={detail} />
        <History job={detail} />
      </div>
    </>
  );
}

const NoJob = ({ jobId }: { jobId: string }) => (
  <EmptyNote title={`There is no job ${jobId}`}>
    <p>Or it is another user's: without admin:all you see your own jobs.</p>
    <a class="button" href="/jobs">
      All jobs
    </a>
  </EmptyNote>
);
