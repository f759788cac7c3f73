/** The only place that calls the gateway. Paths and shapes: types.ts. */

import { signal } from "@preact/signals";
import { Problem, problemOf } from "./problem";
import type {
  Cluster,
  ClusterNode,
  Job,
  JobDetail,
  JobStatistics,
  Metric,
  Page,
  Run,
  SeriesAnswer,
  Session,
  Variable,
} from "./types";

export type Query = Record<string, string | number | string[] | null | undefined>;

/** Who is logged in; null: nobody; undefined: not asked yet. */
export const session = signal<Session | null | undefined>(undefined);

/** Since when the gateway cannot be reached (milliseconds), or null while it can. */
export const unreachableSince = signal<number | null>(null);

export function withQuery(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) params.append(key, String(one));
  }
  const text = params.toString();
  return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}

/** Ask for a path; throws Problem. Ends the session of the page on 401. */
export async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    unreachableSince.value ??= Date.now();
    throw new Problem(0, { title: "The server does not answer" });
  }
  unreachableSince.value = null;
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const problem = await problemOf(response);
  if (response.status === 401 && init.method === undefined) session.value = null;
  throw problem;
}

const get = <T>(path: string, query: Query, abort?: AbortSignal) =>
  request<T>(withQuery(path, query), abort ? { signal: abort } : {});

const CSRF_COOKIE = "pilothouse_csrf";

/** Methods that change something carry the value of the CSRF cookie (double submit). */
function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { "X-CSRF-Token": cookie(CSRF_COOKIE) };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return request<T>(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

function cookie(name: string): string {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

export async function loadSession(): Promise<void> {
  if (!cookie(CSRF_COOKIE))
    session.value = null; // it comes and goes with the session's own cookie
  else session.value = await request<Session>("/v1/session");
}

export async function logIn(token: string): Promise<void> {
  await send("POST", "/v1/session", { token });
  await loadSession();
}

export async function logOut(): Promise<void> {
  await send("DELETE", "/v1/session");
  session.value = null;
}

const enc = encodeURIComponent;

/** All nodes: follows the pages to the end. */
export async function allNodes(query: Query, abort?: AbortSignal): Promise<ClusterNode[]> {
  const nodes: ClusterNode[] = [];
  let next: string | null = withQuery("/v1/nodes", { limit: 500, ...query });
  while (next) {
    const page: Page<ClusterNode> = await request(next, abort ? { signal: abort } : {});
    nodes.push(...page.items);
    next = page.next;
  }
  return nodes;
}

export const getNode = (cluster: string, hostname: string, abort?: AbortSignal) =>
  get<ClusterNode>(`/v1/nodes/${enc(hostname)}`, { cluster }, abort);

export const nodeSeries = (hostname: string, query: Query, abort?: AbortSignal) =>
  get<SeriesAnswer>(`/v1/nodes/${enc(hostname)}/series`, query, abort);

export const listJobs = (query: Query, abort?: AbortSignal) => get<Page<Job>>("/v1/jobs", query, abort);

export const nextJobs = (path: string) => request<Page<Job>>(path);

export const getJob = (jobId: string, query: Query, abort?: AbortSignal) =>
  get<JobDetail>(`/v1/jobs/${enc(jobId)}`, query, abort);

export const jobSeries = (jobId: string, query: Query, abort?: AbortSignal) =>
  get<SeriesAnswer>(`/v1/jobs/${enc(jobId)}/series`, query, abort);

export const jobStatistics = (jobId: string, query: Query, abort?: AbortSignal) =>
  get<JobStatistics>(`/v1/jobs/${enc(jobId)}/statistics`, query, abort);

export const listMetrics = (abort?: AbortSignal) => get<Page<Metric>>("/v1/metrics", {}, abort);

export const listClusters = (abort?: AbortSignal) => get<Page<Cluster>>("/v1/clusters", {}, abort);

/** The newest runs of a job. */
export const jobRuns = (cluster: string, jobId: number, abort?: AbortSignal) =>
  get<Page<Run>>("/v1/runs", { cluster, job_id: jobId, limit: 16 }, abort);

export const runVariables = (runId: string, abort?: AbortSignal) =>
  get<{ items: Variable[] }>(`/v1/runs/${enc(runId)}/variables`, { timeout_seconds: 4 }, abort);
