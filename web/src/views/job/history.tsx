import type { HistoryEntry, JobDetail } from "../../api/types";
import { exitInWords, jobLook } from "../../format/states";
import { Time } from "../../parts/time";

/** What happened to the job, newest last. */
export function History({ job }: { job: JobDetail }) {
  if (!job.history.length) return null;
  return (
    <section aria-label="History">
      <h2 class="section-title">History</h2>
      <ol class="card history">
        {job.history.map((entry) => (
          <li key={`${entry.time}/${entry.type}/${entry.source}/${entry.data.hostname ?? ""}`}>
            <Time at={entry.time} />
            <details>
              <summary>{inWords(entry)}</summary>
              <p class="quiet-text">
                {entry.type} from {entry.source}
              </p>
              <pre>{JSON.stringify(entry.data, null, 2)}</pre>
            </details>
          </li>
        ))}
      </ol>
    </section>
  );
}

const number = (value: unknown) => (typeof value === "number" ? value : null);

/** One line for an event. */
export function inWords(entry: HistoryEntry): string {
  const { data } = entry;
  const host = typeof data.hostname === "string" ? data.hostname : "a node";
  const restarts = number(data.restart_count) ?? 0;
  switch (entry.type) {
    case "job.submitted":
      return "Submitted";
    case "job.started":
      return restarts ? `Started again (restart ${restarts})` : "Started";
    case "job.finished": {
      const state = typeof data.state === "string" ? jobLook(data.state).word : "Ended";
      const exit = exitInWords(number(data.exit_code), number(data.signal));
      return exit ? `${state}, ${exit}` : state;
    }
    case "job.node_started":
      return `Began on ${host}`;
    case "job.node_finished":
      return `Ended on ${host}`;
    default:
      return entry.type;
  }
}
