"""One request, as handlers get it."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from pilothouse_api.access.caller import Caller
from pilothouse_api.compat.jumonc.access import Visitor, asked_by_own_page
from pilothouse_api.compat.jumonc.space import Jumonc


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose level has been checked.

    Attributes:
        space: The parts of the form.
        request: As it came.
        query: Its parameters; of several with one name the first, as in Flask.
        visitor: Who asks; None where no level is needed.
    """

    space: Jumonc
    request: Request
    query: Mapping[str, str]
    visitor: Visitor | None

    @property
    def caller(self) -> Caller:
        """Who asks, where a level is needed."""
        assert self.visitor is not None
        return self.visitor.caller

    @property
    def from_own_page(self) -> bool:
        """Whether no page of another origin asks, as far as browsers tell."""
        return asked_by_own_page(self.request)


def first_values(request: Request) -> dict[str, str]:
    """Return the parameters of a request by name."""
    return dict(reversed(request.query_params.multi_items()))
