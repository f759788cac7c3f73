/** The gateway's JSON shapes. Times are RFC 3339 in UTC. Source: /openapi.json of the gateway. */

export interface Page<T> {
  items: T[];
  /** Path of the next page, or null on the last one. */
  next: string | null;
}

export interface Session {
  subject: string;
  scopes: string[];
  restriction: Record<string, string | number>;
  expiry_time: string;
}

export type NodeState = "up" | "stale" | "down";

export interface Hardware {
  cpu_model?: string | null;
  sockets?: number | null;
  cores?: number | null;
  hwthreads?: number | null;
  memory_bytes?: number | null;
  gpus?: number | null;
  gpu_models?: string[] | null;
  kernel?: string | null;
  os?: string | null;
  architecture?: string | null;
  collectors?: string[] | null;
}

export interface ClusterNode {
  cluster: string;
  hostname: string;
  state: NodeState;
  last_sample_time: string | null;
  reported_time: string | null;
  interval_seconds: number | null;
  boot_time: string | null;
  agent_version: string | null;
  hardware: Hardware;
  /** Newest node-level value per metric. */
  values: Record<string, number>;
  /** Running jobs there that the caller may see. */
  jobs: number[];
}

export interface Job {
  cluster: string;
  job_id: number;
  submit_time: string | null;
  start_time: string | null;
  end_time: string | null;
  state: string;
  reason: string | null;
  name: string | null;
  user: string | null;
  account: string | null;
  partition: string | null;
  qos: string | null;
  num_nodes: number | null;
  cpus: number | null;
  gpus: number | null;
  exit_code: number | null;
  signal: number | null;
  restart_count: number;
  array_job_id: number | null;
  array_task_id: number | null;
  het_job_id: number | null;
  het_job_offset: number | null;
  time_limit_seconds: number | null;
  elapsed_seconds: number | null;
}

export interface Allocation {
  hostname: string;
  restart: number;
  start_time: string | null;
  end_time: string | null;
  gpu_ids: string[];
}

export interface HistoryEntry {
  type: string;
  time: string;
  source: string;
  data: Record<string, unknown>;
}

export interface JobDetail extends Job {
  uid: number | null;
  group: string | null;
  comment: string | null;
  work_dir: string | null;
  derived_exit_code: number | null;
  sluid: string | null;
  allocations: Allocation[];
  history: HistoryEntry[];
}

export interface Series {
  metric: string;
  unit: string;
  /** Null for a series over nodes. */
  hostname: string | null;
  type: string;
  type_id: string | null;
  stype_id: string | null;
  /** Unix seconds of the bucket starts; empty buckets are left out. */
  times: number[];
  values: number[];
}

export interface SeriesAnswer {
  start: string;
  end: string;
  resolution_seconds: number;
  items: Series[];
}

export interface Spread {
  min: number;
  max: number;
  avg: number;
  count: number;
}

export interface MetricStatistics extends Spread {
  metric: string;
  unit: string;
  nodes: (Spread & { hostname: string })[];
}

export interface Efficiency {
  cpu_percent: number | null;
  memory_percent: number | null;
}

export interface JobStatistics {
  items: MetricStatistics[];
  /** Null when the job has no metrics of its own. */
  efficiency: Efficiency | null;
}

/** A simulation that connected to the agent of its node. */
export interface Run {
  run_id: string;
  cluster: string;
  hostname: string;
  name: string | null;
  state: "running" | "finished";
  user: string | null;
  job_id: number | null;
  rank: number | null;
  pid: number | null;
  start_time: string | null;
  end_time: string | null;
  reason: string | null;
}

export interface Variable {
  name: string;
  type: "float" | "int" | "bool" | "string";
  unit: string;
  writable: boolean;
  min: number | null;
  max: number | null;
  value: number | string | boolean | null;
  /** Unix seconds. */
  time: number | null;
}

export interface Metric {
  name: string;
  unit: string;
  combine: "sum" | "avg" | "max";
  group: string;
  help: string;
  type: string;
}

export interface Cluster {
  name: string;
  first_seen: string;
  nodes: number;
  jobs_running: number;
  jobs_pending: number;
}

/** One server-sent event of /v1/live. */
export interface LiveEvent {
  seq: number;
  type: string;
  time: string;
  cluster: string;
  job_id: number | null;
  hostname: string | null;
  data: Record<string, unknown>;
}

/** RFC 9457 problem details, with the validation errors of the gateway. */
export interface ProblemDetails {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  instance?: string;
  errors?: { loc: (string | number)[]; msg: string }[];
}
