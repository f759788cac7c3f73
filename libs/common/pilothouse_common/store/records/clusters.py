"""Clusters."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from pilothouse_common.store.records.models import Cluster


class ClusterRepository:
    """Reads clusters; record_events() makes them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> list[Cluster]:
        """Return all clusters by name; a site has a handful."""
        return list(self._session.scalars(select(Cluster).order_by(Cluster.name)))
