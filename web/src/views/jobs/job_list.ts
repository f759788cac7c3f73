/** The pages of a list that have been loaded, kept up to date at their head. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { listJobs, nextJobs, withQuery } from "../../api/client";
import { listen, liveState } from "../../api/live";
import { Problem } from "../../api/problem";
import type { Job, Page } from "../../api/types";
import { useResource } from "../../app/resource";
import { type JobFilters, jobsQuery } from "./filters";
import { mergeHead } from "./pages";

const PAGE = 50;
const MAX_LIMIT = 500;
const EVENT_WAIT_MS = 700;
const POLL_SECONDS = 15;

export function useJobList(filters: JobFilters) {
  const key = withQuery("jobs", jobsQuery(filters, PAGE));
  const [rest, setRest] = useState<{ key: string; page: Page<Job> | null }>({ key, page: null });
  const [more, setMore] = useState<{ busy: boolean; problem?: Problem }>({ busy: false });
  const loaded = rest.key === key ? rest.page : null;
  const count = useRef(PAGE);
  count.current = Math.min(MAX_LIMIT, Math.max(PAGE, loaded?.items.length ?? PAGE));
  const live = liveState.value === "open";
  const head = useResource(key, (abort) => listJobs(jobsQuery(filters, count.current), abort), {
    everySeconds: live ? 0 : POLL_SECONDS,
  });

  const { refresh } = head;
  useEffect(() => {
    let timer = 0;
    const stop = listen((event) => {
      if (event !== null && !event.type.startsWith("job.")) return;
      window.clearTimeout(timer);
      timer = window.setTimeout(refresh, EVENT_WAIT_MS);
    });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [refresh]);

  const page = head.data && (loaded ? mergeHead(head.data, loaded) : head.data);
  const next = page?.next ?? null;
  const loadMore = useCallback(async () => {
    if (!page || !next) return;
    setMore({ busy: true });
    try {
      const following = await nextJobs(next);
      setRest({ key, page: { items: [...page.items, ...following.items], next: following.next } });
      setMore({ busy: false });
    } catch (error) {
      setMore({
        busy: false,
        problem: error instanceof Problem ? error : new Problem(-1, { detail: String(error) }),
      });
    }
  }, [key, page, next]);

  return { page, problem: head.problem, refresh, loadMore, more };
}
