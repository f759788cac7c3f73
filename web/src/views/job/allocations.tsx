import { useState } from "preact/hooks";
import type { JobDetail } from "../../api/types";
import { Time } from "../../parts/time";
import { nodeLink } from "../jobs/jobs_table";

const SHOWN = 20;

/** Which nodes the job had, per start. */
export function Allocations({ job }: { job: JobDetail }) {
  const [all, setAll] = useState(false);
  if (!job.allocations.length) return null;
  const restarted = job.allocations.some((one) => one.restart > 0);
  const gpus = job.allocations.some((one) => one.gpu_ids.length > 0);
  const rows = all ? job.allocations : job.allocations.slice(0, SHOWN);
  return (
    <section aria-label="Nodes of the job">
      <h2 class="section-title">Nodes</h2>
      <div class="card table-card">
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Node</th>
              {restarted && <th scope="col">Start</th>}
              {gpus && <th scope="col">GPUs</th>}
              <th scope="col">From</th>
              <th scope="col">To</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((one) => (
              <tr key={`${one.hostname}/${one.restart}`}>
                <th scope="row">{nodeLink(job.cluster, one.hostname)}</th>
                {restarted && <td>{one.restart === 0 ? "first" : `restart ${one.restart}`}</td>}
                {gpus && <td>{one.gpu_ids.join(", ")}</td>}
                <td>
                  <Time at={one.start_time} />
                </td>
                <td>
                  <Time at={one.end_time} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {rows.length < job.allocations.length && (
          <button type="button" class="quiet" onClick={() => setAll(true)}>
            Show all {job.allocations.length}
          </button>
        )}
      </div>
    </section>
  );
}
