import { jobPath, nodePath } from "../../app/routes";
import { formatPercent, formatValue } from "../../format/units";
import { Meter } from "../../parts/meter";
import { Spacer, useRows } from "../../parts/rows";
import { type Order, SortHead } from "../../parts/sort";
import { NodeStateBadge } from "../../parts/state";
import { Ago } from "../../parts/time";
import type { NodeRow } from "./summary";

interface Props {
  rows: NodeRow[];
  order: Order;
  withCluster: boolean;
  onSort: (order: Order) => void;
}

const ROW_HEIGHT = 36; // tables.css
const JOBS_SHOWN = 3;

export function NodesTable({ rows, order, withCluster, onSort }: Props) {
  const { ref, slice } = useRows<HTMLTableSectionElement>(rows.length, ROW_HEIGHT);
  const head = { order, onSort };
  return (
    <div class="card table-card">
      <table class="list nodes" aria-rowcount={rows.length + 1}>
        <thead>
          <tr>
            <SortHead column="hostname" label="Node" {...head} />
            {withCluster && <SortHead column="cluster" label="Cluster" {...head} />}
            <SortHead column="state" label="State" {...head} />
            <SortHead column="cpu" label="CPU" descendingFirst {...head} />
            <SortHead column="load" label="Load" number descendingFirst {...head} />
            <SortHead column="memory" label="Memory" descendingFirst {...head} />
            <SortHead
              column="network"
              label="Network"
              number
              descendingFirst
              className="wide-only"
              {...head}
            />
            <SortHead column="jobs" label="Jobs" descendingFirst {...head} />
            <th scope="col" class="wide-only">
              Last sample
            </th>
          </tr>
        </thead>
        <tbody ref={ref}>
          {slice.above > 0 && <Spacer height={slice.above} />}
          {rows.slice(slice.first, slice.last).map((row, i) => (
            <Row key={row.id} row={row} index={slice.first + i} withCluster={withCluster} />
          ))}
          {slice.below > 0 && <Spacer height={slice.below} />}
        </tbody>
      </table>
    </div>
  );
}

function Row({ row, index, withCluster }: { row: NodeRow; index: number; withCluster: boolean }) {
  const { node } = row;
  const threads = node.hardware.hwthreads;
  return (
    <tr aria-rowindex={index + 2} class={node.state === "up" ? "" : "faded"}>
      <th scope="row">
        <a href={nodePath(node.cluster, node.hostname)}>{node.hostname}</a>
      </th>
      {withCluster && <td>{node.cluster}</td>}
      <td>
        <NodeStateBadge state={node.state} />
      </td>
      <td>
        <Meter value={row.cpu}>{formatPercent(row.cpu)}</Meter>
      </td>
      <td class="number" title={threads ? `${threads} hardware threads` : undefined}>
        {formatValue(row.load, "")}
        {threads ? <small class="quiet-text"> / {threads}</small> : null}
      </td>
      <td>
        <Meter value={row.memory} warnAbove={95}>
          {formatValue(row.memoryUsed, "B")}
          <small class="quiet-text"> / {formatValue(row.memoryTotal, "B")}</small>
        </Meter>
      </td>
      <td class="number wide-only">{formatValue(row.network, "B/s")}</td>
      <td>
        <NodeJobs cluster={node.cluster} jobs={node.jobs} hostname={node.hostname} />
      </td>
      <td class="wide-only">
        <Ago at={node.last_sample_time} />
      </td>
    </tr>
  );
}

function NodeJobs({ cluster, jobs, hostname }: { cluster: string; jobs: number[]; hostname: string }) {
  const rest = jobs.length - JOBS_SHOWN;
  return (
    <span class="links">
      {jobs.slice(0, JOBS_SHOWN).map((id) => (
        <a key={id} href={jobPath({ cluster, job_id: id })}>
          {id}
        </a>
      ))}
      {rest > 0 && <a href={`/jobs?state=RUNNING&node=${encodeURIComponent(hostname)}`}>+{rest}</a>}
    </span>
  );
}
