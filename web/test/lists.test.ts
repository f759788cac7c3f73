import { expect, test } from "vitest";
import { withQuery } from "../src/api/client";
import { Problem, problemOf } from "../src/api/problem";
import type { ClusterNode, Job } from "../src/api/types";
import { matchPath } from "../src/app/paths";
import { toCsv } from "../src/format/csv";
import { parseOrder } from "../src/parts/sort";
import { isFiltered, jobsQuery, readFilters } from "../src/views/jobs/filters";
import { mergeHead } from "../src/views/jobs/pages";
import { filterRows, rowOf, sortRows, totalsOf } from "../src/views/nodes/summary";

const node = (
  hostname: string,
  state: "up" | "stale" | "down",
  values: Record<string, number> = {},
): ClusterNode => ({
  cluster: "alpha",
  hostname,
  state,
  last_sample_time: null,
  reported_time: null,
  interval_seconds: 10,
  boot_time: null,
  agent_version: null,
  hardware: { hwthreads: 4, memory_bytes: 100 },
  values,
  jobs: [7],
});

const job = (jobId: number, state = "RUNNING") =>
  ({ cluster: "alpha", job_id: jobId, submit_time: null, state }) as unknown as Job;

test("node names sort by their numbers and unknown values come last", () => {
  const rows = ["n10", "n2", "n1"].map((name) =>
    rowOf(node(name, "up", name === "n2" ? { cpu_load: 3 } : {})),
  );
  const names = (order: string) => sortRows(rows, parseOrder(order)).map((row) => row.node.hostname);
  expect(names("hostname")).toEqual(["n1", "n2", "n10"]);
  expect(names("-load")).toEqual(["n2", "n1", "n10"]);
});

test("busy CPU leaves out idle and waiting", () => {
  expect(rowOf(node("n1", "up", { cpu_idle: 70, cpu_iowait: 10 })).cpu).toBe(20);
  expect(rowOf(node("n1", "up", { cpu_user: 30, cpu_system: 5 })).cpu).toBe(35);
});

test("a node that is down has no values", () => {
  expect(rowOf(node("n1", "down", { cpu_load: 3 })).load).toBeNull();
});

test("the filter takes wildcards, job numbers and states", () => {
  const rows = [rowOf(node("gpu1", "up")), rowOf(node("n1", "stale"))];
  const names = (text: string, state = "") => filterRows(rows, text, state).map((row) => row.node.hostname);
  expect(names("gpu*")).toEqual(["gpu1"]);
  expect(names("7")).toEqual(["gpu1", "n1"]);
  expect(names("", "stale")).toEqual(["n1"]);
  expect(names("(")).toEqual([]);
});

test("totals weigh nodes by their threads and count a job once", () => {
  const totals = totalsOf([
    rowOf(node("a", "up", { cpu_idle: 0 })),
    rowOf(node("b", "up", { cpu_idle: 50 })),
  ]);
  expect([totals.up, totals.threads, totals.cpu, totals.jobs]).toEqual([2, 8, 75, 1]);
});

test("filters in the address become the question for the gateway", () => {
  const filters = readFilters(new URLSearchParams("user=alice,bob&state=FAILED&state=TIMEOUT&within=24h"));
  expect(isFiltered(filters)).toBe(true);
  expect(withQuery("/v1/jobs", jobsQuery(filters, 50))).toBe(
    "/v1/jobs?user=alice&user=bob&state=FAILED&state=TIMEOUT&start=-24h&sort=-start_time&limit=50",
  );
});

test("a refreshed head keeps the pages below it and doubles nothing", () => {
  const loaded = { items: [job(3), job(2), job(1)], next: "/v1/jobs?cursor=x" };
  const head = { items: [job(4), job(3, "COMPLETED")], next: "/v1/jobs?cursor=y" };
  const merged = mergeHead(head, loaded);
  expect(merged.items.map((one) => [one.job_id, one.state])).toEqual([
    [4, "RUNNING"],
    [3, "COMPLETED"],
    [2, "RUNNING"],
    [1, "RUNNING"],
  ]);
  expect(merged.next).toBe("/v1/jobs?cursor=x");
});

test("paths match by part and decode", () => {
  expect(matchPath("/nodes/:cluster/:hostname", "/nodes/alpha/n1.example")).toEqual({
    cluster: "alpha",
    hostname: "n1.example",
  });
  expect(matchPath("/jobs/:job_id", "/jobs/4%375")).toEqual({ job_id: "475" });
  expect(matchPath("/jobs/:job_id", "/jobs")).toBeNull();
  expect(matchPath("/jobs/:job_id", "/jobs/%")).toEqual({ job_id: "%" });
});

test("CSV quotes what needs it", () => {
  expect(toCsv([["a,b", 'say "x"', null, 1.5]])).toBe('"a,b","say ""x""",,1.5\r\n');
});

test("a problem document keeps its words", async () => {
  const body = {
    title: "Not valid",
    detail: "limit: too large",
    errors: [{ loc: ["query", "limit"], msg: "at most 500" }],
  };
  const headers = { "Content-Type": "application/problem+json", "Retry-After": "7" };
  const problem = await problemOf(new Response(JSON.stringify(body), { status: 422, headers }));
  expect(problem).toBeInstanceOf(Problem);
  expect([problem.title, problem.message, problem.retryAfterSeconds]).toEqual([
    "Not valid",
    "limit: too large",
    7,
  ]);
  expect(problem.errors).toEqual([{ where: "query.limit", message: "at most 500" }]);
});

test("an answer that is no problem document still says its status", async () => {
  const problem = await problemOf(new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
  expect([problem.status, problem.title]).toEqual([502, "Bad Gateway"]);
});
