import { session } from "../../api/client";
import { query, setQuery } from "../../app/router";
import { EmptyNote, Loading, ProblemNote } from "../../parts/notes";
import { orderText, parseOrder } from "../../parts/sort";
import { FilterBar } from "./filter_bar";
import { CLEARED, DEFAULT_SORT, isFiltered, readFilters } from "./filters";
import { useJobList } from "./job_list";
import { JobsTable } from "./jobs_table";

export function JobsView() {
  const filters = readFilters(query.value);
  const me = session.value?.subject ?? "";
  const { page, problem, refresh, loadMore, more } = useJobList(filters);
  return (
    <>
      <h1 class="sr">Jobs</h1>
      <FilterBar filters={filters} />
      <div class="toolbar">
        {isFiltered(filters) && (
          <button type="button" class="quiet" onClick={() => setQuery(CLEARED)}>
            Clear filters
          </button>
        )}
        {me && filters.user !== me && (
          <button type="button" class="quiet" onClick={() => setQuery({ user: me })}>
            My jobs
          </button>
        )}
        <span class="quiet-text count" role="status">
          {page && countWords(page.items.length, page.next !== null)}
        </span>
      </div>
      {problem && !page && <ProblemNote problem={problem} retry={refresh} />}
      {!page && !problem && <Loading rows={12} />}
      {page && page.items.length === 0 && <NoJobs filtered={isFiltered(filters)} />}
      {page && page.items.length > 0 && (
        <>
          <JobsTable
            jobs={page.items}
            order={parseOrder(filters.sort)}
            onSort={(order) =>
              setQuery({ sort: orderText(order) === DEFAULT_SORT ? null : orderText(order) })
            }
            withCluster={new Set(page.items.map((job) => job.cluster)).size > 1}
          />
          <div class="more">
            {page.next && (
              <button type="button" disabled={more.busy} onClick={() => void loadMore()}>
                {more.busy ? "Loading…" : "Load more"}
              </button>
            )}
          </div>
          {more.problem && <ProblemNote problem={more.problem} retry={() => void loadMore()} />}
        </>
      )}
    </>
  );
}

function countWords(count: number, more: boolean): string {
  return `${count}${more ? "+" : ""} ${count === 1 ? "job" : "jobs"}`;
}

function NoJobs({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <EmptyNote title="No jobs match">
        <p>
          User, account, partition and node are compared whole; a name may end in <code>*</code>.
        </p>
        <button type="button" class="primary" onClick={() => setQuery(CLEARED)}>
          Clear filters
        </button>
      </EmptyNote>
    );
  }
  return (
    <EmptyNote title="No jobs yet">
      <p>
        Jobs appear with their first event. Install <code>pilothouse-hook</code> as Slurm's PrologSlurmctld
        and EpilogSlurmctld, or submit a job if it is installed. You see your own jobs unless your token has{" "}
        <code>admin:all</code>.
      </p>
    </EmptyNote>
  );
}
