import { useEffect } from "preact/hooks";
import { getNode, nodeSeries } from "../../api/client";
import { listen } from "../../api/live";
import { useResource } from "../../app/resource";
import type { Params } from "../../app/routes";
import { useGroups } from "../../charts/catalogue";
import { GroupCharts, type Source } from "../../charts/group_charts";
import { currentRange, RANGES, RangePicker, refreshSeconds } from "../../charts/window";
import { Loading, ProblemNote } from "../../parts/notes";
import { NodeHead } from "./node_head";
import { NodeJobs } from "./node_jobs";

const POINTS = 240;

export function NodeView({ params }: { params: Params }) {
  const { cluster = "", hostname = "" } = params;
  const id = `${cluster}/${hostname}`;
  const node = useResource(`node/${id}`, (abort) => getNode(cluster, hostname, abort), { everySeconds: 10 });
  const { refresh } = node;
  useEffect(
    () =>
      listen(
        (event) =>
          (event === null || (event.cluster === cluster && event.hostname === hostname)) && refresh(),
      ),
    [cluster, hostname, refresh],
  );
  const { groups, problem, loading } = useGroups("node");
  const range = currentRange("15m");
  const seconds = RANGES[range.name]?.seconds ?? 900;
  const source: Source = {
    key: `node/${id}/${range.fixed ? JSON.stringify(range.fixed) : range.name}`,
    read: (metrics, abort) =>
      nodeSeries(
        hostname,
        {
          cluster,
          metrics: metrics.join(","),
          points: POINTS,
          start: range.fixed?.start ?? `-${seconds}s`,
          end: range.fixed?.end,
        },
        abort,
      ),
    everySeconds: range.fixed ? 0 : refreshSeconds(seconds),
    filename: hostname,
  };
  if (!node.data) {
    return node.problem ? <ProblemNote problem={node.problem} retry={refresh} /> : <Loading />;
  }
  return (
    <>
      <NodeHead node={node.data} />
      <NodeJobs cluster={cluster} hostname={hostname} running={node.data.jobs} />
      <div class="toolbar sticky">
        <RangePicker range={range} following={!range.fixed} />
      </div>
      {problem && <ProblemNote problem={problem} />}
      {loading && !problem && <Loading />}
      {groups.map((group) => (
        <GroupCharts key={group.name} group={group} source={source} />
      ))}
    </>
  );
}
