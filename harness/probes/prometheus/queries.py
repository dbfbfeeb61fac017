"""PromQL, by prometheus-api-client; every answer is evidence."""

from __future__ import annotations

import ast
import math
import sys
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from harness.clock import SYSTEM_CLOCK
from harness.model.promql import PromqlAnswer, PromqlSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.clock import Clock
    from harness.evidence.ndjson import NdjsonWriter
    from harness.model.time import Span, Stamp

__all__ = ["Promql", "secrets_of"]

_POINTS = 11_000  # what Prometheus answers at most, for a series of one query
_TIMEOUT_S = 20
_BAD = "bad_data"  # Prometheus' own word for what it can't parse
_SINGLE = "the expression gives a single number: wrap it in vector()"
_LARGEST = sys.float_info.max  # stands for infinity, which JSON can't say


class Promql:
    """Asks one Prometheus.

    Args:
        url: Its address; user name and password in it are sent, and never written.
        writer: Where answers go; None to keep none.
        clock: Gives the stamps.
    """

    def __init__(
        self, url: str, *, writer: NdjsonWriter | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        from prometheus_api_client import PrometheusConnect  # noqa: PLC0415 - slow to import
        from urllib3.util import parse_url  # noqa: PLC0415 - the same
        from urllib3.util.retry import Retry  # noqa: PLC0415 - the same

        parts = parse_url(url)
        user, _, password = map(unquote, (parts.auth or "").partition(":"))
        self._connect = PrometheusConnect(
            url=parts._replace(auth=None).url.rstrip("/"),
            auth=(user, password) if user else None,
            retry=Retry(total=2, backoff_factor=0.1),
            timeout=_TIMEOUT_S,
        )
        self._writer = writer
        self._clock = clock

    def instant(
        self, query: str, *, gate: str = "", phase: str = "", at: Stamp | None = None
    ) -> PromqlAnswer:
        """Asks for the value at an instant; what goes wrong is in the answer.

        Args:
            query: A PromQL expression.
            gate: Name of the gate that it's for.
            phase: Name of the load phase.
            at: The instant; now if None.
        """
        stamp = self._clock.now()
        params = {} if at is None else {"time": f"{at.wall_ns / 1e9:.3f}"}
        series, error = self._ask(lambda: self._connect.custom_query(query=query, params=params))
        answer = PromqlAnswer(
            query=query, stamp=stamp, gate=gate, phase=phase, series=series, error=error
        )
        return self._kept(answer)

    def silent(self) -> str:
        """Returns why there is no answer to be had, whatever is asked; empty where there is."""
        return self._ask(lambda: self._connect.custom_query(query="vector(1)"))[1]

    def refused(self, query: str) -> str:
        """Returns why an expression can't be evaluated, whatever series there are; empty if it can.

        Nothing of it is kept.
        """
        error = self._ask(lambda: self._connect.custom_query(query=query))[1]
        return error if error.startswith(_BAD) or error.endswith(_SINGLE) else ""

    def over(self, query: str, span: Span, *, step_s: float = 1.0) -> PromqlAnswer:
        """Asks for the values in a span of time, in as many pieces as Prometheus wants.

        Args:
            query: A PromQL expression.
            span: Its ends are both asked for.
            step_s: Seconds between points.
        """
        stamp = self._clock.now()
        series, error = self._ask(
            lambda: chain.from_iterable(
                self._connect.custom_query_range(
                    query=query,
                    start_time=datetime.fromtimestamp(start, UTC),
                    end_time=datetime.fromtimestamp(end, UTC),
                    step=f"{step_s:g}",
                )
                for start, end in _pieces(span, step_s)
            )
        )
        answer = PromqlAnswer(
            query=query, stamp=stamp, step_s=step_s, series=_joined(series), error=error
        )
        return self._kept(answer)

    def _ask(self, question: Callable[[], Any]) -> tuple[tuple[PromqlSeries, ...], str]:
        from prometheus_api_client.exceptions import (  # noqa: PLC0415 - slow to import
            PrometheusApiClientException,
        )
        from requests import RequestException  # noqa: PLC0415 - the same

        try:
            return tuple(_series(item) for item in question()), ""
        except PrometheusApiClientException as error:
            return (), _refusal(str(error))
        except RequestException as error:
            return (), f"{type(error).__name__}: {_cause(error)}"
        except (LookupError, ValueError) as error:
            return (), f"{type(error).__name__}: {error}"

    def _kept(self, answer: PromqlAnswer) -> PromqlAnswer:
        if self._writer is not None:
            self._writer.write(answer)
        return answer


class _Refusal(msgspec.Struct, frozen=True):
    """What Prometheus says of a query that it doesn't answer."""

    kind: str = msgspec.field(name="errorType")
    error: str


def _refusal(text: str) -> str:
    """Returns Prometheus' own words, out of the client's: `HTTP Status Code 400 (b'{...}')`."""
    try:
        body = ast.literal_eval(text.partition("(")[2].removesuffix(")"))
        found = msgspec.json.decode(body, type=_Refusal)
    except (ValueError, SyntaxError, TypeError, msgspec.MsgspecError):
        return text  # something else answers there
    return f"{found.kind}: {found.error}"


def _cause(error: Exception) -> str:
    """Returns what is behind a request that failed, without the names of our objects."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", None) or inner).rpartition(">: ")[2]


def secrets_of(url: str) -> tuple[str, ...]:
    """Returns the password in an address, as it's written there and as it's meant."""
    password = urlsplit(url).password or ""
    return tuple(dict.fromkeys(filter(None, (password, unquote(password)))))


def _pieces(span: Span, step_s: float) -> Iterator[tuple[float, float]]:
    """Yields the ends of pieces (Unix, seconds) of at most as many points as are answered."""
    start, end = span.start.wall_ns / 1e9, span.end.wall_ns / 1e9
    while True:
        last = min(end, start + (_POINTS - 1) * step_s)
        yield start, last
        start = last + step_s
        if start > end:
            return


def _series(item: object) -> PromqlSeries:
    """Reads one item of a result: a vector's, a matrix's; a scalar has no labels."""
    if not isinstance(item, dict):
        raise ValueError(_SINGLE)  # noqa: TRY004
    if "histogram" in item:
        buckets = item["histogram"][1].get("buckets", ())
        return PromqlSeries(
            labels=item.get("metric", {}),
            buckets=tuple((float(low), float(high), float(n)) for _, low, high, n in buckets),
        )
    points = item["values"] if "values" in item else [item["value"]]
    return PromqlSeries(
        labels=item.get("metric", {}),
        points=tuple(
            (float(at), min(max(number, -_LARGEST), _LARGEST))
            for at, value in points
            if not math.isnan(number := float(value))
        ),
    )


def _joined(series: tuple[PromqlSeries, ...]) -> tuple[PromqlSeries, ...]:
    """Puts the pieces of each series together again."""
    pieces: dict[tuple[tuple[str, str], ...], list[PromqlSeries]] = {}
    for item in series:
        pieces.setdefault(tuple(sorted(item.labels.items())), []).append(item)
    return tuple(
        PromqlSeries(
            labels=items[0].labels,
            points=tuple(chain.from_iterable(item.points for item in items)),
        )
        for items in pieces.values()
    )
