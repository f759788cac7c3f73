"""Answers of the JuMonC form, the newest first, by page number as its clients ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.orm import Session

from pilothouse_common.store.records.compat_models import CompatAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFilter:
    r"""Which answers.

    Attributes:
        subject: Of whom; None: of all.
        audience: Given to tokens of this restriction; None: of any.
        path: Part of the path in SQL's LIKE form with ``\`` as escape character; None: any.
    """

    subject: str | None
    audience: str | None
    path: str | None = None


class CompatAnswerRepository:
    """Keeps and finds answers."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, answers: Sequence[CompatAnswer]) -> None:
        """Keep answers in the order given; their ids are set and rise."""
        for answer in answers:
            self._session.add(answer)
            self._session.flush()  # one by one: a bulk insert promises no order of ids

    def complete(self, answer_id: int, results: dict[str, Any]) -> None:
        """Put in the results of an answer that took its time; nothing happens when it is gone."""
        self._session.execute(
            update(CompatAnswer).where(CompatAnswer.id == answer_id).values(results=results)
        )

    def get(self, answer_id: int, wanted: AnswerFilter) -> CompatAnswer | None:
        """Return one answer, if the filter allows it."""
        statement = _where(select(CompatAnswer), wanted).where(CompatAnswer.id == answer_id)
        return self._session.scalars(statement).one_or_none()

    def count(self, wanted: AnswerFilter) -> int:
        """Return how many answers there are."""
        statement = _where(select(func.count()).select_from(CompatAnswer), wanted)
        return self._session.scalar(statement) or 0

    def page(self, wanted: AnswerFilter, *, offset: int, limit: int) -> list[CompatAnswer]:
        """Return some answers, the newest first. The number that is kept bounds the offset's cost."""
        statement = _where(select(CompatAnswer), wanted).order_by(CompatAnswer.id.desc())
        return list(self._session.scalars(statement.offset(offset).limit(limit)))

    def prune(self, subject: str, *, keep: int, before: datetime) -> int:
        """Delete all but the newest ``keep`` of a subject, and everybody's older than ``before``."""
        oldest_kept = (
            select(CompatAnswer.id)
            .where(CompatAnswer.subject == subject)
            .order_by(CompatAnswer.id.desc())
            .offset(keep - 1)
            .limit(1)
            .scalar_subquery()
        )
        own = delete(CompatAnswer).where(
            CompatAnswer.subject == subject, CompatAnswer.id < oldest_kept
        )
        old = delete(CompatAnswer).where(CompatAnswer.time < before)
        gone = [self._session.execute(s.returning(CompatAnswer.id)).all() for s in (own, old)]
        return sum(len(rows) for rows in gone)


def _where(statement: Select[Any], wanted: AnswerFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.subject is not None:
        conditions.append(CompatAnswer.subject == wanted.subject)
    if wanted.audience is not None:
        conditions.append(CompatAnswer.audience == wanted.audience)
    if wanted.path is not None:
        conditions.append(CompatAnswer.path.ilike(wanted.path, escape="\\"))
    return statement.where(*conditions)
