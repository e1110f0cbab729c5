"""What is made of clients that do not take our certificate."""

from proxy.capture.tunnels.pinning import LEFT, SILENT, Pinning
from proxy.core.event import CertificateRefused, Event
from proxy.core.journal import Journal

HOST = "api.example.com"


class Heard(list[Event]):
    def __call__(self, event: Event, journal: Journal | None) -> None:
        self.append(event)


def test_a_refusal_is_told_once_for_each_host() -> None:
    pinning = Pinning(heard := Heard())
    assert not pinning.is_refused(HOST)
    for _ in range(3):
        pinning.refused(HOST, "unknown ca", tunnel=True)
    pinning.refused("other.example.com", "bad certificate", tunnel=False)
    assert heard == [
        CertificateRefused(HOST, "unknown ca", True),
        CertificateRefused("other.example.com", "bad certificate", False),
    ]
    assert pinning.is_refused(HOST)


def test_who_leaves_in_silence_again_and_again_has_refused() -> None:
    pinning = Pinning(heard := Heard())
    for _ in range(SILENT - 1):
        pinning.silent(HOST, tunnel=False)
    assert not heard
    pinning.silent(HOST, tunnel=False)
    assert heard == [CertificateRefused(HOST, LEFT, tunnelled=False, certain=False)]
    assert pinning.hosts() == (HOST,)
    pinning.forget()
    assert not pinning.is_refused(HOST), "another policy, another try"


def test_a_request_in_between_says_that_it_is_trusted() -> None:
    pinning = Pinning(heard := Heard())
    pinning.silent(HOST, tunnel=False)
    pinning.trusted(HOST)
    for _ in range(SILENT * 2):
        pinning.silent(HOST, tunnel=False)  # connections opened ahead, and not used
    assert not heard
