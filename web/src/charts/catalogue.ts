import { useMemo } from "preact/hooks";
import { listMetrics } from "../api/client";
import { useResource } from "../app/resource";
import { planGroups } from "./plans";

/** The catalogue's pictures by group. */
export function useGroups() {
  const catalogue = useResource("metrics", (abort) => listMetrics(abort));
  const groups = useMemo(() => planGroups(catalogue.data?.items ?? []), [catalogue.data]);
  return {
    groups,
    metrics: catalogue.data?.items ?? [],
    problem: catalogue.problem,
    loading: catalogue.data === undefined,
  };
}
