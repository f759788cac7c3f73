/** What the list of nodes shows of a node. Pure. */

import type { ClusterNode } from "../../api/types";
import { percent } from "../../format/units";
import type { Order } from "../../parts/sort";

export interface NodeRow {
  node: ClusterNode;
  id: string;
  /** Busy part of the CPUs in percent; null when unknown or too old. */
  cpu: number | null;
  load: number | null;
  memoryUsed: number | null;
  memoryTotal: number | null;
  /** Percent. */
  memory: number | null;
  /** Bytes per second, both ways. */
  network: number | null;
}

const CPU_MODES = ["cpu_user", "cpu_nice", "cpu_system", "cpu_irq", "cpu_softirq", "cpu_steal"];

export function rowOf(node: ClusterNode): NodeRow {
  const values = node.state === "down" ? {} : node.values;
  const memoryTotal = values.mem_total ?? node.hardware.memory_bytes ?? null;
  const memoryUsed = values.mem_used ?? null;
  return {
    node,
    id: `${node.cluster}/${node.hostname}`,
    cpu: cpuBusy(values),
    load: values.cpu_load ?? null,
    memoryUsed,
    memoryTotal,
    memory: memoryUsed !== null && memoryTotal ? percent(memoryUsed, memoryTotal) : null,
    network: values.net_bw ?? null,
  };
}

function cpuBusy(values: Record<string, number>): number | null {
  if (values.cpu_idle !== undefined) {
    return Math.min(100, Math.max(0, 100 - values.cpu_idle - (values.cpu_iowait ?? 0)));
  }
  const parts = CPU_MODES.map((name) => values[name]).filter((v) => v !== undefined);
  return parts.length
    ? Math.min(
        100,
        parts.reduce((a, b) => a + b, 0),
      )
    : null;
}

const STATE_RANK = { down: 0, stale: 1, up: 2 };

const KEYS: Record<string, (row: NodeRow) => string | number | null> = {
  hostname: (row) => row.node.hostname,
  cluster: (row) => row.node.cluster,
  state: (row) => STATE_RANK[row.node.state],
  cpu: (row) => row.cpu,
  load: (row) => row.load,
  memory: (row) => row.memory,
  network: (row) => row.network,
  jobs: (row) => row.node.jobs.length,
};

const names = new Intl.Collator("en", { numeric: true });

/** Sorted copy; rows without a value come last in either direction, names count their digits (n2 < n10). */
export function sortRows(rows: NodeRow[], order: Order): NodeRow[] {
  const key = KEYS[order.key] ?? KEYS.hostname;
  const sign = order.descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [key?.(a) ?? null, key?.(b) ?? null];
    if (x === null || y === null) return Number(x === null) - Number(y === null) || names.compare(a.id, b.id);
    const by = typeof x === "string" ? names.compare(x, String(y)) : x - Number(y);
    return sign * by || names.compare(a.id, b.id);
  });
}

/** Rows whose hostname, cluster, CPU model or a job number contains the text (`*` stands for anything). */
export function filterRows(rows: NodeRow[], text: string, state: string): NodeRow[] {
  const pattern = wildcard(text.trim());
  return rows.filter(({ node }) => {
    if (state && node.state !== state) return false;
    if (!pattern) return true;
    const { hostname, cluster, hardware, jobs } = node;
    return [hostname, cluster, hardware.cpu_model ?? "", ...jobs.map(String)].some((part) =>
      pattern.test(part),
    );
  });
}

function wildcard(text: string): RegExp | null {
  if (!text) return null;
  const parts = text.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(text.includes("*") ? `^${parts.join(".*")}$` : (parts[0] ?? ""), "i");
}

export interface Totals {
  up: number;
  stale: number;
  down: number;
  threads: number;
  /** Average of the nodes that report, weighted by their threads; percent. */
  cpu: number | null;
  memoryUsed: number;
  memoryTotal: number;
  jobs: number;
}

export function totalsOf(rows: NodeRow[]): Totals {
  const totals: Totals = {
    up: 0,
    stale: 0,
    down: 0,
    threads: 0,
    cpu: null,
    memoryUsed: 0,
    memoryTotal: 0,
    jobs: 0,
  };
  const jobs = new Set<string>();
  let busy = 0;
  let counted = 0;
  for (const row of rows) {
    totals[row.node.state] += 1;
    const threads = row.node.hardware.hwthreads ?? 1;
    totals.threads += threads;
    if (row.cpu !== null) {
      busy += row.cpu * threads;
      counted += threads;
    }
    if (row.memoryUsed !== null && row.memoryTotal) {
      totals.memoryUsed += row.memoryUsed;
      totals.memoryTotal += row.memoryTotal;
    }
    for (const job of row.node.jobs) jobs.add(`${row.node.cluster}/${job}`);
  }
  totals.cpu = counted ? busy / counted : null;
  totals.jobs = jobs.size;
  return totals;
}
