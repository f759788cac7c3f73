import { jobRuns, runVariables, session } from "../../api/client";
import type { JobDetail, Run, Variable } from "../../api/types";
import { useResource } from "../../app/resource";
import { Time } from "../../parts/time";

/** What the simulations of the job expose, with the newest values; nothing where there is none. */
export function Runs({ job }: { job: JobDetail }) {
  const may = session.value?.scopes.includes("runs:read");
  const runs = useResource(
    may ? `runs/${job.cluster}/${job.job_id}` : null,
    (abort) => jobRuns(job.cluster, job.job_id, abort),
    { everySeconds: 15 },
  );
  if (!runs.data?.items.length) return null;
  return (
    <section aria-label="Simulations of the job">
      <h2 class="section-title">Simulations</h2>
      {runs.data.items.map((run) => (
        <OneRun key={run.run_id} run={run} />
      ))}
    </section>
  );
}

function OneRun({ run }: { run: Run }) {
  const running = run.state === "running";
  const variables = useResource(
    running ? `run/${run.run_id}` : null,
    (abort) => runVariables(run.run_id, abort),
    { everySeconds: 5 },
  );
  return (
    <div class="card table-card">
      <table class="list">
        <caption>
          {run.name}
          {run.rank === null ? "" : `, rank ${run.rank}`} on {run.hostname}, {running ? "since " : "ended "}
          <Time at={running ? run.start_time : run.end_time} />
          {!running && run.reason ? ` (${run.reason})` : ""}
          {running && variables.problem ? ` (${variables.problem.message})` : ""}
        </caption>
        <tbody>
          {running &&
            variables.data?.items.map((one) => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td>{inWords(one)}</td>
                <td>{one.writable ? "may be set" : ""}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}

/** A value with its unit, as short as it is read easily. */
export function inWords({ value, unit }: Pick<Variable, "value" | "unit">): string {
  if (value === null) return "–";
  const text = typeof value === "number" ? String(Number(value.toPrecision(7))) : String(value);
  return unit ? `${text} ${unit}` : text;
}
