/** Which metrics are drawn together. What is not named here still gets a picture of its group and unit. Pure. */

import type { Metric, Series } from "../api/types";
import { metricName } from "../format/metrics";
import { align, type ChartModel, colorOf, shortLabels } from "./series";

export interface Plan {
  id: string;
  title: string;
  group: string;
  unit: string;
  metrics: string[];
  /** In the order of the metrics, instead of what is left of their names. */
  labels?: string[];
  /** Parts of a whole: areas on top of each other. */
  stacked?: boolean;
  /** Drawn as a dashed line: the whole. */
  whole?: string;
  atLeast?: number;
  help: string;
}

type Recipe = Pick<Plan, "title" | "metrics" | "labels" | "stacked" | "whole" | "atLeast">;

const CPU_MODES = ["user", "nice", "system", "iowait", "irq", "softirq", "steal"].map(
  (mode) => `cpu_${mode}`,
);

/** What people look at first, in this order. */
const RECIPES: Recipe[] = [
  { title: "CPU used of the allocated", metrics: ["job_cpu_used"], labels: ["used"], atLeast: 100 },
  {
    title: "CPU time of the job",
    metrics: ["job_user_cpu", "job_sys_cpu"],
    labels: ["user", "system"],
    stacked: true,
  },
  {
    title: "Memory of the job",
    metrics: ["job_mem_used", "job_mem_cache"],
    labels: ["used", "page cache", "limit"],
    stacked: true,
    whole: "job_mem_limit",
  },
  {
    title: "Block I/O of the job",
    metrics: ["job_io_read_bw", "job_io_write_bw"],
    labels: ["read", "write"],
  },
  {
    title: "Pressure: time that the job waited",
    metrics: ["job_pressure_cpu_some", "job_pressure_memory_some", "job_pressure_io_some"],
    labels: ["for CPU", "for memory", "for I/O"],
  },
  { title: "CPU time by mode", metrics: CPU_MODES, stacked: true, atLeast: 100 },
  { title: "Load", metrics: ["cpu_load", "load_five", "load_fifteen"], labels: ["1 min", "5 min", "15 min"] },
  { title: "Memory", metrics: ["mem_used", "mem_buffers", "mem_cached"], stacked: true, whole: "mem_total" },
  { title: "Swap", metrics: ["swap_used"], whole: "swap_total" },
  {
    title: "Pressure: time that tasks waited",
    metrics: ["pressure_cpu_some", "pressure_memory_some", "pressure_io_some"],
    labels: ["for CPU", "for memory", "for I/O"],
  },
  {
    title: "Paging",
    metrics: ["page_in_bw", "page_out_bw", "swap_in_bw", "swap_out_bw"],
    labels: ["page in", "page out", "swap in", "swap out"],
  },
  { title: "Disk throughput", metrics: ["disk_read_bw", "disk_write_bw"] },
  { title: "Disk operations", metrics: ["disk_read_ops", "disk_write_ops"] },
  { title: "Disk busy", metrics: ["disk_busy"], labels: ["busy"] },
  { title: "File systems, used", metrics: ["fs_used"], labels: ["used"] },
  { title: "Network traffic", metrics: ["eth_read_bw", "eth_write_bw"], labels: ["in", "out"] },
];

export interface Group {
  name: string;
  /** Shown at once. */
  main: Plan[];
  /** Shown on request. */
  more: Plan[];
}

const OWN_PREFIX = "job_";

const JOB_GROUP = "Job";

/** A job's metrics: the group of its own first, which counts nothing else on its nodes. */
export function metricsOfJobs(catalogue: Metric[]): Metric[] {
  const metrics = catalogue.filter((metric) => !metric.name.startsWith("jobs_"));
  const isFirst = (metric: Metric) => metric.group === JOB_GROUP;
  return [...metrics.filter(isFirst), ...metrics.filter((metric) => !isFirst(metric))];
}

/** A job's own series without those of its steps and tasks, which its total holds already. */
export function withoutParts(items: Series[]): Series[] {
  const isPart = (item: Series) => item.metric.startsWith(OWN_PREFIX) && Boolean(item.stype_id);
  const of = (item: Series) => `${item.metric}/${item.hostname}`;
  const totals = new Set(items.filter((item) => !isPart(item)).map(of));
  return items.filter((item) => !(isPart(item) && totals.has(of(item))));
}

/** A node's metrics: those of single jobs are not its own. */
export const metricsOfNodes = (catalogue: Metric[]): Metric[] =>
  catalogue.filter((metric) => !metric.name.startsWith(OWN_PREFIX));

/** Sort the catalogue into pictures under their headings, in the catalogue's order of headings. */
export function planGroups(catalogue: Metric[]): Group[] {
  const metrics = catalogue.filter((metric) => !metric.name.endsWith("*"));
  const byName = new Map(metrics.map((metric) => [metric.name, metric]));
  const used = new Set<string>();
  const groups = new Map<string, Group>(
    metrics.map((metric) => [metric.group, { name: metric.group, main: [], more: [] }]),
  );
  for (const recipe of RECIPES) {
    const first = recipe.metrics.map((name) => byName.get(name)).find(Boolean);
    if (!first) continue;
    const present = recipe.labels ? recipe.metrics : recipe.metrics.filter((name) => byName.has(name));
    for (const name of [...present, recipe.whole ?? ""]) used.add(name);
    const names = recipe.whole && byName.has(recipe.whole) ? [...present, recipe.whole] : present;
    groups.get(first.group)?.main.push({ ...recipe, ...idOf(first, recipe.title), metrics: names });
  }
  for (const plan of restPlans(metrics.filter((metric) => !used.has(metric.name)))) {
    const group = groups.get(plan.group);
    if (!group) continue;
    const secondary = group.main.length > 0 && used.has(group.main[0]?.metrics[0] ?? "");
    (secondary || isOwnCost(plan.group) ? group.more : group.main).push(plan);
  }
  return [...groups.values()].filter((group) => group.main.length + group.more.length > 0);
}

const isOwnCost = (group: string) => group === "Agent";

const idOf = (metric: Metric, title: string) => ({
  id: `${metric.group}/${title}`,
  title,
  group: metric.group,
  unit: metric.unit,
  help: metric.help,
});

const UNIT_WORDS: Record<string, string> = {
  "": "count",
  "1/s": "per second",
  "B/s": "rate",
  B: "size",
  s: "time",
};

function restPlans(metrics: Metric[]): Plan[] {
  const plans = new Map<string, Plan & { helps: string[] }>();
  for (const metric of metrics) {
    const family = metric.name.split("_")[0] ?? metric.name;
    const key = `${metric.group}/${metric.unit}/${family}`;
    const plan = plans.get(key) ?? { ...idOf(metric, key), metrics: [], helps: [] };
    plan.metrics.push(metric.name);
    plan.helps.push(`${metric.name}: ${metric.help}`);
    plan.help = plan.helps.join("\n");
    plans.set(key, plan);
  }
  return [...plans.values()].map((plan) => ({ ...plan, title: restTitle(plan) }));
}

function restTitle(plan: Plan): string {
  const only = plan.metrics.length === 1 ? plan.metrics[0] : undefined;
  if (only) return metricName(only);
  const family = plan.metrics[0]?.split("_")[0] ?? "";
  return `${metricName(family)} ${UNIT_WORDS[plan.unit] ?? plan.unit}`;
}

/** The picture of a plan from an answer that has (at least) its series; one line per metric and part. */
export function modelOf(plan: Plan, items: Series[], resolution: number): ChartModel {
  const own = plan.metrics.flatMap((name) => items.filter((item) => item.metric === name));
  const { times, columns } = align(own, resolution);
  const labels = plan.labels ?? shortLabels(plan.metrics);
  const lines = own.map((item, i) => {
    const label = labels[plan.metrics.indexOf(item.metric)] ?? item.metric;
    const whole = item.metric === plan.whole;
    const part = item.stype_id ?? "";
    return {
      label: part ? `${part} ${label}` : label,
      values: columns[i] ?? [],
      color: whole ? 0 : colorOf(i),
      dashed: whole,
    };
  });
  return {
    unit: plan.unit,
    times,
    lines,
    ...(plan.stacked ? { stacked: true } : {}),
    ...(plan.atLeast === undefined ? {} : { atLeast: plan.atLeast }),
  };
}

/** One metric with a line per node. */
export function nodesModel(items: Series[], unit: string, resolution: number): ChartModel {
  const { times, columns } = align(items, resolution);
  const lines = items.map((item, i) => ({
    label: [item.hostname ?? "all nodes", item.stype_id].filter(Boolean).join(" "),
    values: columns[i] ?? [],
    color: colorOf(i),
  }));
  return { unit, times, lines };
}

/** One metric as the space between the lowest and the highest node, with their average. */
export function bandModel(max: Series, avg: Series, min: Series, resolution: number): ChartModel {
  const { times, columns } = align([max, avg, min], resolution);
  const lines = ["highest node", "average", "lowest node"].map((label, i) => ({
    label,
    values: columns[i] ?? [],
    color: 0,
  }));
  return { unit: avg.unit, times, lines, band: true };
}

/** One picture per metric, for jobs on several nodes. */
export interface MetricPlan {
  metric: string;
  title: string;
  unit: string;
  help: string;
}

/** Drawn together for one node, but not worth a picture each for several: these come on request. */
const SECONDARY = new Set([
  ...[
    "cpu_nice",
    "cpu_irq",
    "cpu_softirq",
    "cpu_steal",
    "load_five",
    "load_fifteen",
    "mem_buffers",
    "mem_cached",
  ],
  ...["page_in_bw", "page_out_bw", "swap_in_bw", "swap_out_bw", "disk_read_ops", "disk_write_ops"],
]);

export function metricPlans(group: Group, catalogue: Metric[]): { main: MetricPlan[]; more: MetricPlan[] } {
  const first = new Set(
    group.main.flatMap((plan) => plan.metrics.filter((name) => name !== plan.whole && !SECONDARY.has(name))),
  );
  const all = catalogue.filter((metric) => metric.group === group.name && !metric.name.endsWith("*"));
  const plans = all.map(({ name, unit, help }) => ({
    metric: name,
    title: metricName(name),
    unit,
    help,
  }));
  return {
    main: plans.filter((plan) => first.has(plan.metric)),
    more: plans.filter((plan) => !first.has(plan.metric)),
  };
}
