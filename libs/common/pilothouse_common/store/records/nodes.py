"""Nodes as their agents reported them."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pilothouse_common.errors import Conflict
from pilothouse_common.store.records.models import Node
from pilothouse_common.store.records.paging import Order, Page, fetch_page

_BY_NAME = Order("nodes", (Node.cluster, Node.hostname), (str, str), ("cluster", "hostname"))


class NodeRepository:
    """Reads nodes; record_events() writes them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self,
        *,
        cluster: str | None = None,
        hostname: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Node]:
        """Return one page, by cluster and hostname.

        Raises:
            Malformed: A cursor that this list did not give out.
        """
        statement = select(Node)
        if cluster is not None:
            statement = statement.where(Node.cluster == cluster)
        if hostname is not None:
            statement = statement.where(Node.hostname == hostname)
        return fetch_page(self._session, statement, _BY_NAME, cursor, limit)

    def get(self, hostname: str, *, cluster: str | None = None) -> Node | None:
        """Return a node.

        Raises:
            Conflict: Several clusters have a node of this name, and none was named.
        """
        found = self.page(cluster=cluster, hostname=hostname, limit=2).items
        if len(found) > 1:
            names = ", ".join(node.cluster for node in found)
            raise Conflict(f"node {hostname!r} is in several clusters ({names}…): name one")
        return found[0] if found else None

    def counts(self) -> dict[str, int]:
        """Return how many nodes each cluster has."""
        rows = self._session.execute(select(Node.cluster, func.count()).group_by(Node.cluster))
        return {cluster: number for cluster, number in rows}  # noqa: C416 dict() does not take rows
