import { expect, test } from "vitest";
import type { Metric, Series } from "../src/api/types";
import {
  bandModel,
  metricPlans,
  metricsOfJobs,
  metricsOfNodes,
  modelOf,
  planGroups,
  withoutParts,
} from "../src/charts/plans";
import { align, shortLabels, stack, usualStep } from "../src/charts/series";

const series = (
  metric: string,
  times: number[],
  values: number[],
  hostname: string | null = "n1",
): Series => ({
  metric,
  unit: "%",
  hostname,
  type: "node",
  type_id: "",
  stype_id: "",
  times,
  values,
});

const metric = (name: string, group: string, unit = "%"): Metric => ({
  name,
  unit,
  combine: "avg",
  group,
  help: "",
  type: "gauge",
});

test("series are put on the union of their times", () => {
  const { times, columns } = align([series("a", [0, 10], [1, 2]), series("b", [10, 20], [3, 4])], 10);
  expect(times).toEqual([0, 10, 20]);
  expect(columns).toEqual([
    [1, 2, undefined],
    [undefined, 3, 4],
  ]);
});

test("a hole of several steps breaks the line", () => {
  const { times, columns } = align([series("a", [0, 10, 20, 80, 90], [1, 1, 1, 1, 1])], 10);
  expect(times).toEqual([0, 10, 20, 30, 80, 90]);
  expect(columns[0]).toEqual([1, 1, 1, null, 1, 1]);
});

test("samples that come less often than the grid are not full of holes", () => {
  expect(usualStep([0, 60, 120, 180], 10)).toBe(60);
  expect(align([series("a", [0, 60, 120], [1, 2, 3])], 10).columns[0]).toEqual([1, 2, 3]);
});

test("a stack adds up and has a gap where nothing is known", () => {
  expect(
    stack([
      [1, undefined, null],
      [2, 5, undefined],
    ]),
  ).toEqual([
    [1, 0, null],
    [3, 5, null],
  ]);
});

test("labels leave out what all names share", () => {
  expect(shortLabels(["eth_read_bw", "eth_write_bw"])).toEqual(["read", "write"]);
  expect(shortLabels(["mem_used"])).toEqual(["mem used"]);
});

test("known metrics come first, unknown ones still get a picture", () => {
  const groups = planGroups([
    metric("cpu_user", "CPU"),
    metric("cpu_idle", "CPU"),
    metric("ctx", "CPU", "1/s"),
    metric("gpu_flux", "Accelerators", "W"),
    metric("meminfo_*", "Memory", "B"),
  ]);
  expect(groups.map((group) => [group.name, group.main.map((p) => p.title), group.more.length])).toEqual([
    ["CPU", ["CPU time by mode"], 2],
    ["Accelerators", ["Gpu flux"], 0],
  ]);
});

test("parts are stacked in the order of the plan and the whole is a dashed line", () => {
  const catalogue = ["mem_total", "mem_cached", "mem_used"].map((name) => metric(name, "Memory", "B"));
  const plan = planGroups(catalogue)[0]?.main[0];
  if (!plan) throw new Error("no plan");
  const model = modelOf(plan, [series("mem_total", [0], [9]), series("mem_used", [0], [4])], 10);
  expect(model.stacked).toBe(true);
  expect(model.lines.map((line) => [line.label, line.dashed])).toEqual([
    ["used", false],
    ["total", true],
  ]);
});

test("a job's own metrics come first, and not on a node's page", () => {
  const catalogue = [
    metric("mem_used", "Memory", "B"),
    metric("jobs_running", "Job", ""),
    metric("job_acc_power", "Accelerators", "W"),
    metric("job_mem_used", "Job", "B"),
    metric("job_mem_limit", "Job", "B"),
  ];
  const [first] = planGroups(metricsOfJobs(catalogue));
  if (!first?.main[0]) throw new Error("no plan");
  const limit = modelOf(first.main[0], [series("job_mem_limit", [0], [9])], 10).lines[0];
  expect([first.name, first.main[0].title]).toEqual(["Job", "Memory of the job"]);
  expect([limit?.label, limit?.dashed]).toEqual(["limit", true]);
  expect(metricsOfJobs(catalogue).map((m) => m.name)).toEqual([
    "job_mem_used",
    "job_mem_limit",
    "mem_used",
    "job_acc_power",
  ]);
  expect(metricsOfNodes(catalogue).map((m) => m.name)).toEqual(["mem_used", "jobs_running"]);
});

test("steps are not drawn on top of their job", () => {
  const total = series("job_user_cpu", [0], [9]);
  const step = { ...series("job_user_cpu", [0], [4]), stype_id: "0" };
  const process = { ...series("job_process_cpu", [0], [4]), stype_id: "17 lmp" };
  const disk = { ...series("disk_busy", [0], [4]), stype_id: "sda" };
  expect(withoutParts([total, step, process, disk])).toEqual([total, process, disk]);
});

test("several nodes get a picture per metric, rare parts on request", () => {
  const catalogue = ["cpu_user", "cpu_steal", "cpu_load"].map((name) => metric(name, "CPU"));
  const [group] = planGroups(catalogue);
  if (!group) throw new Error("no group");
  const { main, more } = metricPlans(group, catalogue);
  expect([main.map((p) => p.title), more.map((p) => p.title)]).toEqual([
    ["CPU user", "CPU load"],
    ["CPU steal"],
  ]);
});

test("a band is drawn from the highest to the lowest node", () => {
  const [max, avg, min] = [9, 5, 1].map((value) => series("a", [0], [value], null));
  if (!max || !avg || !min) throw new Error("no series");
  const model = bandModel(max, avg, min, 10);
  expect(model.band).toBe(true);
  expect(model.lines.map((line) => line.values[0])).toEqual([9, 5, 1]);
});
