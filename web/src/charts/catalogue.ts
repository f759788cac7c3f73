import { useMemo } from "preact/hooks";
import { listMetrics } from "../api/client";
import { useResource } from "../app/resource";
import { metricsOfJobs, metricsOfNodes, planGroups } from "./plans";

/** The catalogue's pictures by group, for a node or a job. */
export function useGroups(of: "node" | "job") {
  const catalogue = useResource("metrics", (abort) => listMetrics(abort));
  const metrics = useMemo(
    () => (of === "job" ? metricsOfJobs : metricsOfNodes)(catalogue.data?.items ?? []),
    [catalogue.data, of],
  );
  const groups = useMemo(() => planGroups(metrics), [metrics]);
  return {
    groups,
    metrics,
    problem: catalogue.problem,
    loading: catalogue.data === undefined,
  };
}
