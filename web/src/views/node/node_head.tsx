import type { ClusterNode } from "../../api/types";
import { formatNumber, formatPercent, formatValue } from "../../format/units";
import { Facts } from "../../parts/facts";
import { Meter } from "../../parts/meter";
import { NodeStateBadge } from "../../parts/state";
import { Ago, Time } from "../../parts/time";
import { rowOf } from "../nodes/summary";

/** What the node is and how it is now. */
export function NodeHead({ node }: { node: ClusterNode }) {
  const row = rowOf(node);
  const { hardware } = node;
  return (
    <section class="card view-head">
      <div class="view-title">
        <p class="crumbs">
          <a href="/nodes">Nodes</a> / {node.cluster}
        </p>
        <h1>
          {node.hostname} <NodeStateBadge state={node.state} />
        </h1>
        <p class="quiet-text">
          last sample <Ago at={node.last_sample_time} />
          {node.interval_seconds ? `, every ${formatNumber(node.interval_seconds)} s` : ""}
        </p>
      </div>
      <div class="gauges">
        <div>
          <h2>CPU busy</h2>
          <Meter value={row.cpu}>
            <b>{formatPercent(row.cpu)}</b>
          </Meter>
        </div>
        <div>
          <h2>Load</h2>
          <Meter
            value={row.load === null ? null : Math.min(100, (row.load / (hardware.hwthreads ?? 1)) * 100)}
          >
            <b>{formatValue(row.load, "")}</b> / {hardware.hwthreads ?? "?"}
          </Meter>
        </div>
        <div>
          <h2>Memory</h2>
          <Meter value={row.memory} warnAbove={95}>
            <b>{formatValue(row.memoryUsed, "B")}</b> / {formatValue(row.memoryTotal, "B")}
          </Meter>
        </div>
      </div>
      <Facts
        items={[
          ["CPU", hardware.cpu_model],
          ["Sockets × cores × threads", topology(node)],
          ["Memory", hardware.memory_bytes ? formatValue(hardware.memory_bytes, "B") : null],
          ["GPUs", gpus(node)],
          ["System", [hardware.os, hardware.architecture].filter(Boolean).join(", ")],
          ["Kernel", hardware.kernel],
          ["Booted", node.boot_time && <Time at={node.boot_time} />],
          ["Agent", node.agent_version],
          ["Collectors", hardware.collectors?.join(", ")],
        ]}
      />
    </section>
  );
}

function topology(node: ClusterNode): string | null {
  const { sockets, cores, hwthreads } = node.hardware;
  if (!hwthreads) return null;
  return [sockets, cores, hwthreads].map((n) => n ?? "?").join(" × ");
}

function gpus(node: ClusterNode): string | null {
  const { gpus: count, gpu_models: models } = node.hardware;
  if (!count) return null;
  return [count, models?.join(", ")].filter(Boolean).join(" × ");
}
