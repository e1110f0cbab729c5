from dataclasses import replace

import pytest
from multidict import CIMultiDict

from proxy.core.call import Trace
from proxy.telemetry.context import Parent, begin, parent_of, parse
from tests.clock import LoadedDice

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
PARENT = Parent(int(TRACE_ID, 16), int(SPAN_ID, 16), True)


@pytest.mark.parametrize(
    ("value", "parent"),
    [
        (f"00-{TRACE_ID}-{SPAN_ID}-01", PARENT),
        (f"00-{TRACE_ID}-{SPAN_ID}-03", PARENT),
        (f"00-{TRACE_ID}-{SPAN_ID}-00", Parent(PARENT.trace_id, PARENT.span_id, False)),
        (f"cc-{TRACE_ID}-{SPAN_ID}-01-what-the-future-brings", PARENT),
        (f"cc-{TRACE_ID}-{SPAN_ID}-01", PARENT),
    ],
)
def test_a_valid_field_names_the_parent(value: str, parent: Parent) -> None:
    assert parse(value) == parent


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"00-{TRACE_ID}-{SPAN_ID}",
        f"00-{TRACE_ID}-{SPAN_ID}-01-more",
        f"cc-{TRACE_ID}-{SPAN_ID}-01.more",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-1",
        f"00-{TRACE_ID}-{SPAN_ID}-01\n",
        f" 00-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{TRACE_ID[:-1]}٣-{SPAN_ID}-01",
    ],
)
def test_anything_else_names_none(value: str) -> None:
    assert parse(value) is None


def test_two_fields_count_as_none() -> None:
    headers = CIMultiDict({"Traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"})
    assert parent_of(headers) == PARENT
    headers.add("traceparent", f"00-{TRACE_ID}-{SPAN_ID}-01")
    assert parent_of(headers) is None


def test_a_call_begins_below_its_parent_and_says_so_further_down() -> None:
    trace = begin(PARENT, PARENT.trace_id, LoadedDice(), sampled=True)
    assert trace == Trace(PARENT.trace_id, 1, True, PARENT.span_id)
    assert trace.header() == f"00-{TRACE_ID}-0000000000000001-01"
    assert replace(trace, span_id=0xAB).header() == f"00-{TRACE_ID}-00000000000000ab-01"
    assert parse(replace(trace, span_id=0xAB).header()) == Parent(PARENT.trace_id, 0xAB, True)
    unsampled = begin(None, 7, LoadedDice(), sampled=False)
    assert unsampled.header() == f"00-{7:032x}-{1:016x}-00"
