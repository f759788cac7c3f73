/** All views. A new one: a line here and, for the navigation, in NAVIGATION. */

import type { ComponentType } from "preact";
import { JobView } from "../views/job/job_view";
import { JobsView } from "../views/jobs/jobs_view";
import { NodeView } from "../views/node/node_view";
import { NodesView } from "../views/nodes/nodes_view";
import { matchPath } from "./paths";

export type Params = Record<string, string>;

interface Route {
  pattern: string;
  view: ComponentType<{ params: Params }>;
  /** Of the browser's tab. */
  title: (params: Params) => string;
}

const ROUTES: Route[] = [
  { pattern: "/", view: NodesView, title: () => "Nodes" },
  { pattern: "/nodes", view: NodesView, title: () => "Nodes" },
  { pattern: "/nodes/:cluster/:hostname", view: NodeView, title: (p) => p.hostname ?? "Node" },
  { pattern: "/jobs", view: JobsView, title: () => "Jobs" },
  { pattern: "/jobs/:job_id", view: JobView, title: (p) => `Job ${p.job_id}` },
  { pattern: "/jobs/:cluster/:job_id", view: JobView, title: (p) => `Job ${p.job_id}` },
];

export const NAVIGATION = [
  { path: "/nodes", label: "Nodes" },
  { path: "/jobs", label: "Jobs" },
];

const enc = encodeURIComponent;

export const nodePath = (cluster: string, hostname: string) => `/nodes/${enc(cluster)}/${enc(hostname)}`;

/** The submit time tells apart jobs that had the same number. */
export const jobPath = (job: { cluster: string; job_id: number; submit_time?: string | null }) =>
  `/jobs/${enc(job.cluster)}/${job.job_id}${job.submit_time ? `?submit_time=${enc(job.submit_time)}` : ""}`;

/** The first route that fits, with its parameters. */
export function findRoute(path: string): { route: Route; params: Params } | null {
  for (const route of ROUTES) {
    const params = matchPath(route.pattern, path);
    if (params) return { route, params };
  }
  return null;
}
