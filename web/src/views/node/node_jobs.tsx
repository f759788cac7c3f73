import { listJobs } from "../../api/client";
import { useResource } from "../../app/resource";
import { JobsTable } from "../jobs/jobs_table";

interface Props {
  cluster: string;
  hostname: string;
  /** Job ids; the list is read anew when they change. */
  running: number[];
}

/** Jobs that run on a node now. */
export function NodeJobs({ cluster, hostname, running }: Props) {
  const key = running.length ? `node-jobs/${cluster}/${hostname}/${running.join(",")}` : null;
  const jobs = useResource(
    key,
    (abort) => listJobs({ cluster, node: hostname, state: ["RUNNING", "SUSPENDED"], limit: 50 }, abort),
    { keep: true },
  );
  if (!running.length || !jobs.data) return null;
  return (
    <section aria-label="Jobs on this node">
      <h2 class="section-title">Running here</h2>
      <JobsTable jobs={jobs.data.items} />
    </section>
  );
}
