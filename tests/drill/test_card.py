"""The scorecard says in a line what the app and the providers saw, and in full what went wrong."""

from proxy.drill.card import summary, table
from proxy.drill.drill import Scored
from proxy.drill.expect import Ended
from proxy.drill.judge import Row
from proxy.drill.seen import Answer
from tests.drill.policies import found, route


def _row(name: str, *, stream: bool, ended: Ended, status: int, why: str = "") -> Row:
    target = "second" if ended is Ended.WHOLE else "first"
    app = Answer(status, "upstream", target, 2, ended)
    asked = {"first": 1, "second": 0 if ended is Ended.BROKEN else 1}
    return Row("chat", name, stream, app, asked, not why, why or "as it should be")


ROWS = (
    _row("cut", stream=False, ended=Ended.WHOLE, status=200),
    _row("cut", stream=True, ended=Ended.BROKEN, status=200),
    _row("no_end", stream=False, ended=Ended.WRONG, status=200, why="it looks whole"),
    _row("malformed_event", stream=True, ended=Ended.WHOLE, status=200),
)


def test_a_table() -> None:
    scored = Scored(found(route(last_resort="mock"))[0], ROWS)
    assert list(table(scored)) == [
        "route chat: gpt-4o-mini of first, sequential: first > second > mock",
        "  fault                  app, plain            app, stream           providers were asked",
        "  cut                    200 second            broken off, told      "
        "first 1, second 1 | first 1",
        "  no_end                 ! 200 wrong           -                     first 1, second 1",
        "  malformed_event        -                     200 second            first 1, second 1",
        "  NOT SURVIVED: no_end, plain: it looks whole",
    ]


def test_a_summary() -> None:
    assert summary(ROWS, 1.25, 7325.0) == (
        "3 of 4 plays survived, in 1.2 s; 2 h 2 min of waiting were skipped: "
        "only time that is waited for passes"
    )
