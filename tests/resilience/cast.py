"""Targets to choose among: each does as it is told, and has the standing of an upstream."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.core.call import Call
from proxy.core.clock import Dice
from proxy.core.failure import ELSEWHERE, Failure, FailureKind
from proxy.core.reply import End, Reply
from proxy.policy.schema import Breaker, Health
from proxy.resilience.choice.target import Target
from proxy.resilience.standing.quotas import Caller
from proxy.resilience.standing.state import Standing
from tests.calls import Heard, a_call
from tests.clock import FalseClock
from tests.resilience.parts import a_reply, an_upstream

DOWN = FailureKind.UNAVAILABLE


def fails(kind: FailureKind = DOWN, target: str = "", **fields: object) -> Failure:
    return Failure(kind, "scripted", target=target, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True)
class After:
    """What somebody does who takes a while."""

    wait_s: float
    act: "Act"


Act = Reply | BaseException | After | Callable[[], "Act"] | None
"""An answer, a failure (of the target that is asked, where it names none), or None: it never ends.
"""


@dataclass
class Role:
    """A handler that plays its acts one by one, the last one for ever."""

    name: str
    clock: FalseClock
    acts: list[Act]
    calls: list[Call] = field(default_factory=list)
    running: int = 0
    cancelled: int = 0
    replies: list[Reply] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)

    async def handle(self, call: Call) -> Reply:
        self.calls.append(call)
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        self.running += 1
        try:
            reply = await self._play(act)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        self.replies.append(reply)
        reply.target = self.name
        reply.endings.append(self.ends.append)
        return reply

    async def _play(self, act: Act) -> Reply:
        while isinstance(act, After) or callable(act):
            if isinstance(act, After):
                await self.clock.sleep(act.wait_s)
                act = act.act
            else:
                act = act()
        if act is None:
            await asyncio.get_running_loop().create_future()
        if isinstance(act, Failure):
            act.target = act.target or self.name
        if isinstance(act, BaseException):
            raise act
        assert isinstance(act, Reply)
        return act


class Cast:
    """Everybody who may be asked."""

    def __init__(self, dice: Dice | None = None) -> None:
        self.clock = FalseClock()
        self.dice = dice
        self.heard = Heard()
        self.asked: list[str] = []
        self.roles: dict[str, Role] = {}
        self.targets: tuple[Target, ...] = ()

    def add(
        self,
        name: str,
        *acts: Act,
        on: frozenset[FailureKind] = ELSEWHERE,
        weight: float = 1.0,
        upstream: bool = True,
        **settings: object,
    ) -> "Cast":
        """An upstream whose breaker opens at the 5th failure, and whose health fails at the 3rd; or
        one without a standing, if it is no `upstream`."""
        known = {
            "breaker": Breaker(consecutive=5, min_calls=100, open=60.0),
            "health": Health(failures=3, rest=30.0),
        }
        standing = None
        if upstream:
            made = an_upstream(name=name, **{**known, **settings})
            standing = Standing(made, self.clock, self.heard)
        role = self.roles[name] = Role(name, self.clock, list(acts) or [a_reply])
        handler = _Noting(role, self.asked)
        self.targets += (Target(name, on, handler, standing, weight),)
        return self

    def standing(self, name: str) -> Standing:
        (found,) = [target.standing for target in self.targets if target.name == name]
        assert found is not None
        return found

    def sicken(self, *names: str, kind: FailureKind = DOWN) -> None:
        """Make them unhealthy."""
        for name in names:
            for _ in range(3):
                self.standing(name).health.failed(kind, "scripted")

    def shut(self, *names: str, kind: FailureKind = DOWN) -> None:
        """Open their breakers; the later named, the later they may be asked again."""
        for name in names:
            for _ in range(5):
                self.standing(name).breaker.permit().failed(kind, 0.1)
            self.clock.pass_time(1.0)

    def spend(self, *names: str) -> None:
        """Use up their rate limits for a minute."""
        for name in names:
            self.standing(name).quotas.of(Caller(a_call()), "gpt-4o").refused(60.0)

    @property
    def running(self) -> list[str]:
        return [name for name, role in self.roles.items() if role.running]


@dataclass(frozen=True)
class _Noting:
    role: Role
    asked: list[str]

    async def handle(self, call: Call) -> Reply:
        self.asked.append(self.role.name)
        return await self.role.handle(call)
