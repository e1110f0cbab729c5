"""The scorecard, as lines for a terminal.

route chat: gpt-4o-mini of openai, sequential: openai > openrouter > mock
  fault              app, plain           app, stream          providers were asked
  rate_limit         200 openrouter       200 openrouter       openai 2, openrouter 1
  cut                200 openrouter       broken off, told     openai 1, openrouter 1 | openai 1
"""

from collections.abc import Iterable, Iterator, Sequence

from proxy.core.reply import Source
from proxy.drill.drill import Scored
from proxy.drill.expect import Ended
from proxy.drill.judge import Row
from proxy.drill.seen import Answer
from proxy.drill.subject import Subject

_COLUMNS = "  {:<23}{:<22}{:<22}{}"


def table(scored: Scored) -> Iterator[str]:
    """All of one subject, and what was not survived in full words."""
    yield _heading(scored.subject)
    yield _COLUMNS.format("fault", "app, plain", "app, stream", "providers were asked").rstrip()
    by_name: dict[str, dict[bool, Row]] = {}
    for row in scored.rows:
        by_name.setdefault(row.scenario, {})[row.stream] = row
    for name, rows in by_name.items():
        cells = [_cell(rows.get(stream), scored.subject) for stream in (False, True)]
        yield _COLUMNS.format(name, *cells, _asked(rows.values())).rstrip()
    for row in scored.rows:
        if not row.survived:
            form = "stream" if row.stream else "plain"
            yield f"  NOT SURVIVED: {row.scenario}, {form}: {row.why}"


def summary(rows: Sequence[Row], took_s: float, skipped_s: float) -> str:
    survived = sum(row.survived for row in rows)
    waiting = f"{_span(skipped_s)} of waiting were skipped: only time that is waited for passes"
    return f"{survived} of {len(rows)} plays survived, in {took_s:.1f} s; {waiting}"


def _heading(subject: Subject) -> str:
    asked = f"{subject.model or subject.operation} of {subject.called}"
    route = subject.route
    if route is None:
        also = f", and alike: {', '.join(subject.alike)}" if subject.alike else ""
        return f"no route: {asked}, under its own settings{also}"
    seats = [seat.name if seat.able else f"({seat.name})" for seat in subject.seats]
    if route.last_resort != "none":
        seats.append(route.last_resort)
    return f"route {route.name}: {asked}, {route.strategy}: {' > '.join(seats)}"


def _cell(row: Row | None, subject: Subject) -> str:
    if row is None:
        return "-"
    saw = _saw(row.app, subject)
    return saw if row.survived else f"! {saw}"


def _saw(app: Answer, subject: Subject) -> str:
    match app.ended:
        case Ended.WHOLE:
            stale = " (stale)" if app.source == Source.STALE else ""
            return f"{app.status} {app.target or '?'}{stale}"
        case Ended.ERROR:
            return f"{app.status} error" if app.status != 200 else "200, then an error"
        case Ended.BROKEN:
            return "broken off, told" if subject.read else "cut off"
        case Ended.WRONG:
            return f"{app.status} wrong"
        case Ended.NOTHING:
            return "nothing"


def _asked(rows: Iterable[Row]) -> str:
    """Of the plain call and of the stream; once where it is the same."""
    told = [
        ", ".join(f"{name} {count}" for name, count in row.providers.items() if count) or "none"
        for row in rows
    ]
    return " | ".join(dict.fromkeys(told))


def _span(seconds: float) -> str:
    minutes, _ = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
