/** Pages of jobs put together. Pure. */

import type { Job, Page } from "../../api/types";

export const jobKey = (job: Job) => `${job.cluster}/${job.job_id}/${job.submit_time ?? ""}`;

/** The refreshed head of a list, then those of the loaded rows that lie below its last row. */
export function mergeHead(head: Page<Job>, loaded: Page<Job>): Page<Job> {
  if (head.next === null) return head;
  const fresh = new Set(head.items.map(jobKey));
  const below = loaded.items.findLastIndex((job) => fresh.has(jobKey(job))) + 1;
  if (below === 0 || below === loaded.items.length) return head;
  return { items: [...head.items, ...loaded.items.slice(below)], next: loaded.next };
}
