"""The numbers of calls: how many, how they ended, how long they took, what they used."""

from proxy.core.event import PASSTHROUGH, CacheLooked, CallEnded, CallStarted, UsageSeen
from proxy.core.pact import app_retries
from proxy.telemetry.counts import Counts, count
from proxy.telemetry.outcome import outcome
from proxy.telemetry.shelf import Shelf


class CallNumbers:
    """Counts calls on the shelf. `open` is how many have not ended."""

    def __init__(self, shelf: Shelf) -> None:
        self._in_flight = shelf.gauge("in_flight_requests", "Calls that have not ended.")
        self._calls = shelf.counter(
            "requests_total",
            "Calls that ended, and how.",
            *("upstream", "route", "operation", "source", "outcome"),
        )
        self._answers = shelf.counter(
            "answers_total", "Calls that ended, and who answered.", "target", "source", "fallback"
        )
        self._duration = shelf.histogram(
            "request_duration_seconds", "Until the last byte.", "upstream", "operation"
        )
        self._first_byte = shelf.histogram(
            "first_byte_seconds", "Until the first byte of an answer.", "upstream", "operation"
        )
        self._app_retries = shelf.counter(
            "app_retries_total", "Calls that the app's SDK makes again.", "upstream"
        )
        self._tokens = shelf.counter("tokens_total", "As providers count them.", "direction")
        self._cache = shelf.counter("cache_total", "What the cache did.", "outcome")
        self._open = 0
        self.read()

    def read(self) -> None:
        """Bring what is only known when asked up to date."""
        self._in_flight.put((), self._open)

    def counts(self) -> Counts:
        return count(self._calls, self._answers, self._open)

    def started(self, event: CallStarted) -> None:
        self._open += 1
        if app_retries(event.call.headers):
            strange = event.route == PASSTHROUGH
            self._app_retries.add((PASSTHROUGH if strange else event.call.upstream,))

    def ended(self, event: CallEnded) -> None:
        call = event.call
        self._open -= 1
        strange = event.route == PASSTHROUGH  # such a host's name is of a request
        upstream, target = (PASSTHROUGH,) * 2 if strange else (call.upstream, event.target)
        source, operation = str(event.source), str(call.operation)
        self._calls.add((upstream, event.route, operation, source, str(outcome(event))))
        self._answers.add((target, source, "true" if event.fallback else "false"))
        self._duration.observe((upstream, operation), event.duration_s)
        self._first_byte.observe((upstream, operation), event.first_byte_s)

    def used(self, event: UsageSeen) -> None:
        if event.input_tokens:
            self._tokens.add(("input",), event.input_tokens)
        if event.output_tokens:
            self._tokens.add(("output",), event.output_tokens)

    def looked(self, event: CacheLooked) -> None:
        self._cache.add((str(event.outcome),))
