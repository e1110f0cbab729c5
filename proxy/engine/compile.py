"""A policy snapshot becomes a program: for each route a tree of handlers.

The order of the layers, read from the outside in:

    Observe                    marks and tells; nothing gets past it but a Reply
      Deadline                 until when the answer has to begin, and to be whole
        LastResort             answers when everything within has failed
          Cached               a stored answer first; a stale one rather than none
            Resume             another target goes on with a stream that broke
              Sequential       one target after the other; or Fastest, or Balanced
                Adapt          the call as this target wants it
                  Retry        the same target again
                    Hold       a stream is kept back until it is whole
                      Limited  so many at once, the others wait for their turn
                        Guard  permit, health, the journal's entry of one attempt
                          FirstByte  holds the answer until it is worth something
                            Send     one request to one provider
                Encode         vectors made here
          Mock                 made up, and marked so

Layers that a policy has no use for (LastResort, Cached, Resume, Hold, Limited) are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.cache.layer import Cached
from proxy.core.call import Operation
from proxy.core.event import PASSTHROUGH
from proxy.core.failure import ELSEWHERE
from proxy.core.handler import Handler
from proxy.core.headers import Headers
from proxy.dialects.dialect import Dialect
from proxy.dialects.recognise import dialect_named
from proxy.engine.observe import Observe
from proxy.engine.parts import Parts
from proxy.mock.handler import TARGET as MOCK
from proxy.mock.handler import Mock
from proxy.policy.match import find_route
from proxy.policy.passage import Passage
from proxy.policy.snapshot import Route, Snapshot, Upstream
from proxy.policy.snapshot import Target as PolicyTarget
from proxy.resilience.attempt.first_byte import FirstByte
from proxy.resilience.attempt.guard import Guard
from proxy.resilience.attempt.limited import Limited
from proxy.resilience.attempt.retry import Retry
from proxy.resilience.choice.balanced import Balanced
from proxy.resilience.choice.fastest import Fastest
from proxy.resilience.choice.last_resort import LastResort
from proxy.resilience.choice.nobody import Nobody
from proxy.resilience.choice.sequential import Sequential
from proxy.resilience.choice.strategy import Strategy
from proxy.resilience.choice.target import Target
from proxy.resilience.deadline import Deadline
from proxy.resilience.stream.hold import Hold
from proxy.resilience.stream.resume import Resume
from proxy.upstream.adapt import Adapt
from proxy.upstream.origin import Origin
from proxy.upstream.passthrough import Listed


@dataclass(frozen=True, slots=True)
class Program:
    """A snapshot with everything compiled that it asks for. Frozen: a reload makes a new one."""

    snapshot: Snapshot
    origins: Mapping[str, Origin]
    dialects: Mapping[str, Dialect]
    by_route: Mapping[tuple[str, str], Observe]
    by_upstream: Mapping[str, Observe]
    passthrough: Observe

    def plan(
        self, upstream: str, operation: Operation, model: str | None, headers: Headers
    ) -> Observe:
        """The tree that governs such a request to a known upstream."""
        route = find_route(self.snapshot, upstream, operation, model, headers)
        if route is None:
            return self.by_upstream[upstream]
        return self.by_route[route.name, self.dialects[upstream].name]


def compile_program(snapshot: Snapshot, parts: Parts) -> Program:
    """The program of a checked snapshot. Of what lives it changes nothing; an upstream that was
    never heard of gets its standing here."""
    upstreams = snapshot.upstreams
    dialects = {name: dialect_named(upstream.dialect) for name, upstream in upstreams.items()}
    build = _Builder(snapshot, parts, {name: Origin.of(up.url) for name, up in upstreams.items()})
    return Program(
        snapshot=snapshot,
        origins=build.origins,
        dialects=dialects,
        by_route={
            (route.name, dialect.name): Observe(
                build.route(route, dialect), route.name, dialect, parts.clock, parts.hear
            )
            for route in snapshot.routes
            for dialect in _dialects_of(route, dialects)
        },
        by_upstream={
            name: Observe(
                build.alone(upstream, dialects[name]), "", dialects[name], parts.clock, parts.hear
            )
            for name, upstream in upstreams.items()
        },
        passthrough=Observe(
            _strangers(snapshot, parts), PASSTHROUGH, dialect_named("raw"), parts.clock, parts.hear
        ),
    )


def _strangers(snapshot: Snapshot, parts: Parts) -> Handler:
    """Who answers for hosts of no upstream, once they are admitted."""
    if parts.listed is None or not isinstance(snapshot.passthrough, tuple):
        return parts.passthrough
    passage = Passage.of(snapshot.passthrough, loopback=False)
    return Listed(parts.listed, parts.passthrough, passage)


def _dialects_of(route: Route, dialects: Mapping[str, Dialect]) -> tuple[Dialect, ...]:
    """Every dialect that a call governed by `route` may speak."""
    asked = route.match.upstream or dialects
    return tuple({dialects[name].name: dialects[name] for name in asked}.values())


@dataclass(frozen=True, slots=True)
class _Builder:
    snapshot: Snapshot
    parts: Parts
    origins: Mapping[str, Origin]

    def route(self, route: Route, dialect: Dialect) -> Handler:
        parts = self.parts
        if not route.targets:
            return Nobody(f"the mode {self.snapshot.mode} allows none of this route's targets")
        strategy = self._strategy(route, dialect)
        answer: Handler = strategy
        if route.mid_stream == "resume":
            answer = Resume(strategy, dialect, parts.clock)
        if route.cache is not None:
            cache = route.cache
            answer = Cached(
                answer,
                ttl_s=cache.ttl,
                stale_if_error_s=cache.stale_if_error,
                plan=repr([self._asked_of(target) for target in route.targets]),
                store=parts.store,
                dialect=dialect,
                clock=parts.clock,
            )
        if route.last_resort == "mock":
            mock = Mock(dialect, parts.clock)
            answer = LastResort(answer, MOCK, ELSEWHERE, mock)
        return Deadline(answer, route.deadline, dialect, parts.clock)

    def _strategy(self, route: Route, dialect: Dialect) -> Strategy:
        parts = self.parts
        hold = route.mid_stream == "hold"
        targets = tuple(self._target(target, dialect, hold) for target in route.targets)
        if_open = route.when_all_open
        match route.strategy:
            case "sequential":
                return Sequential(targets, if_open, parts.clock)
            case "fastest":
                return Fastest(targets, route.hedge_after, route.extra_calls, if_open, parts.clock)
            case "load_balanced":
                now = parts.clock.now()
                loads = tuple(parts.loads.of(target.name, now) for target in targets)
                return Balanced(targets, if_open, parts.clock, parts.dice, loads)

    def _target(self, target: PolicyTarget, dialect: Dialect, hold: bool) -> Target:
        if target.upstream is None:
            return Target(target.name, target.on, self.parts.local(dialect), weight=target.weight)
        upstream = self.snapshot.upstreams[target.upstream]
        own = dialect_named(upstream.dialect)
        inner = self._attempts(upstream, own, target.max_retries, hold)
        handler = Adapt(inner, upstream, own, target.model, target.set)
        standing = self.parts.standings.of(upstream)
        return Target(target.name, target.on, handler, standing, target.weight, handler.sends)

    def _asked_of(self, target: PolicyTarget) -> tuple[object, ...]:
        """All that decides what `target` makes of a request, for the cache: an answer to one
        question is none to another."""
        if target.local:
            return (target.name,)
        upstream = self.snapshot.upstreams[target.name]
        settings = (upstream.models, upstream.headers, target.set)
        return upstream.name, upstream.url, target.model, *(dict(each) for each in settings)

    def alone(self, upstream: Upstream, dialect: Dialect) -> Handler:
        """What becomes of a call that no route governs: the upstream under its own settings."""
        mode = self.snapshot.mode
        if mode is not None and mode.alone and upstream.tier not in mode.tiers:
            return Nobody(f"the mode {mode} allows no upstream of the tier {upstream.tier}")
        answer = Adapt(self._attempts(upstream, dialect), upstream, dialect, None, {})
        return Deadline(answer, None, dialect, self.parts.clock)

    def _attempts(
        self,
        upstream: Upstream,
        dialect: Dialect,
        max_retries: int | None = None,
        hold: bool = False,
    ) -> Handler:
        parts = self.parts
        retry = upstream.retry
        if max_retries is not None:
            retry = retry.model_copy(update={"attempts": max_retries + 1})
        send = parts.send(upstream, self.origins, dialect)
        first_byte = FirstByte(send, upstream.name, dialect, upstream.timeout, parts.clock)
        standing = parts.standings.of(upstream)
        attempt: Handler = Guard(first_byte, upstream.name, standing, parts.clock, parts.dice)
        if upstream.limit.concurrency is not None:
            attempt = Limited(attempt, upstream.name, standing)
        if hold:
            attempt = Hold(attempt)
        return Retry(attempt, upstream.name, standing, retry, parts.clock, parts.dice)
