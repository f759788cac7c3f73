"""Clusters as their callers may see them."""

from pilothouse_common.store.records.clusters import ClusterRepository
from pilothouse_common.store.records.jobs import JobRepository
from pilothouse_common.store.records.nodes import NodeRepository

from pilothouse_api.access.caller import Caller
from pilothouse_api.clusters.schemas import ClusterItem
from pilothouse_api.ports import Ports


def list_visible(ports: Ports, caller: Caller) -> list[ClusterItem]:
    """Return the clusters within the caller's restriction."""
    only = caller.restriction.cluster
    visible = caller.visible_jobs()
    with ports.records.reading() as session:
        clusters = [c for c in ClusterRepository(session).all() if only in (None, c.name)]
        nodes = NodeRepository(session).counts() if caller.sees_nodes else {}
        jobs = JobRepository(session).counts(visible=visible) if visible is not None else {}
    return [
        ClusterItem(
            name=cluster.name,
            first_seen=cluster.first_seen,
            nodes=nodes.get(cluster.name, 0),
            jobs_running=jobs.get(cluster.name, {}).get("RUNNING", 0),
            jobs_pending=jobs.get(cluster.name, {}).get("PENDING", 0),
        )
        for cluster in clusters
    ]
