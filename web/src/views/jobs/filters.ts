/** The filters of the list of jobs, as they stand in the URL. Pure. */

import type { Query } from "../../api/client";

export interface JobFilters {
  user: string;
  account: string;
  partition: string;
  node: string;
  name: string;
  cluster: string;
  states: string[];
  /** A key of WINDOWS, or `custom`. */
  within: string;
  start: string;
  end: string;
  sort: string;
}

/** Which times of overlap are offered. */
export const WINDOWS: Record<string, string> = {
  "": "any time",
  "1h": "last hour",
  "24h": "last 24 hours",
  "7d": "last 7 days",
  "30d": "last 30 days",
};

export const TEXT_FILTERS = ["user", "account", "partition", "node", "name", "cluster"] as const;
export const DEFAULT_SORT = "-start_time";

export function readFilters(query: URLSearchParams): JobFilters {
  const text = (name: string) => query.get(name) ?? "";
  return {
    user: text("user"),
    account: text("account"),
    partition: text("partition"),
    node: text("node"),
    name: text("name"),
    cluster: text("cluster"),
    states: query.getAll("state"),
    within: text("within"),
    start: text("start"),
    end: text("end"),
    sort: text("sort") || DEFAULT_SORT,
  };
}

/** What the gateway is asked; commas in a text stand for several values. */
export function jobsQuery(filters: JobFilters, limit: number): Query {
  const several = (text: string) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean);
  return {
    user: several(filters.user),
    account: several(filters.account),
    partition: several(filters.partition),
    node: filters.node.trim(),
    name: filters.name.trim(),
    cluster: filters.cluster.trim(),
    state: filters.states,
    start: filters.start || (filters.within ? `-${filters.within}` : ""),
    end: filters.end,
    sort: filters.sort,
    limit,
  };
}

export const isFiltered = (filters: JobFilters) =>
  TEXT_FILTERS.some((name) => filters[name]) ||
  filters.states.length > 0 ||
  Boolean(filters.within || filters.start || filters.end);

/** Every filter of the URL set back. */
export const CLEARED: Record<string, null> = Object.fromEntries(
  [...TEXT_FILTERS, "state", "within", "start", "end"].map((name) => [name, null]),
);
