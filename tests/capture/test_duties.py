"""What goes no further than here is answered here, and shows nobody's secrets."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from proxy.capture.duties import check_loops, own_answer
from proxy.capture.refused import Refused
from proxy.capture.tunnels.inside import Inside
from proxy.core.call import Face
from proxy.upstream.via import Signature

INSIDE = Inside("api.openai.com", 443, True, Face.HTTPS_PROXY)


def test_options_of_this_server_are_answered_here() -> None:
    answer = own_answer(make_mocked_request("OPTIONS", "*"), "*", None)
    assert answer is not None
    assert answer.status == 204
    assert "POST" in answer.headers["Allow"]
    assert own_answer(make_mocked_request("OPTIONS", "*"), "*", INSIDE) is None


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
@pytest.mark.parametrize(("left", "goes_on"), [("0", False), ("00", False), ("1", True)])
def test_max_forwards_says_how_far(method: str, left: str, goes_on: bool) -> None:
    request = make_mocked_request(method, "/x", CIMultiDict({"Max-Forwards": left}))
    assert (own_answer(request, "/x", None) is None) is goes_on
    assert (own_answer(request, "/x", INSIDE) is None) is goes_on


@pytest.mark.parametrize("left", ["", "-1", "+1", "1.0", "many", "1, 2", "\u0661", "9" * 5000])
def test_max_forwards_is_a_number(left: str) -> None:
    request = make_mocked_request("OPTIONS", "/x", CIMultiDict({"Max-Forwards": left}))
    with pytest.raises(Refused) as refused:
        own_answer(request, "/x", None)
    assert refused.value.status == 400


def test_other_methods_are_no_business_of_ours() -> None:
    request = make_mocked_request("GET", "/x", CIMultiDict({"Max-Forwards": "0"}))
    assert own_answer(request, "/x", None) is None


def test_a_trace_tells_back_no_secret() -> None:
    fields = [("Host", "a"), ("Max-Forwards", "0"), ("User-Agent", "app"), ("Via", "1.1 gate")]
    secrets = [("Authorization", "secret"), ("Cookie", "secret"), ("X-Anything", "secret")]
    request = make_mocked_request("TRACE", "/secret", CIMultiDict(fields + secrets))
    answer = own_answer(request, "http://me:secret@a/x?key=secret", None)
    assert answer is not None
    assert answer.headers["Content-Type"] == "message/http"
    assert isinstance(answer.body, bytes)
    told = answer.body.decode()
    assert told.startswith("TRACE a/x HTTP/1.1\r\n")
    assert "User-Agent: app\r\n" in told
    assert "secret" not in told


def test_what_was_here_before_is_refused() -> None:
    ours = Signature("0123abcd")
    check_loops(CIMultiDict({"Via": "1.1 gate"}), ours)
    with pytest.raises(Refused) as refused:
        check_loops(CIMultiDict([("Via", "1.1 gate"), ("Via", ours.of_1_1)]), ours)
    assert (refused.value.status, refused.value.reason) == (508, "loop")
