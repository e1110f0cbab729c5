"""What is made of clients that do not take our certificate."""

from proxy.capture.tunnels.pinning import SILENT, Pinning
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
        pinning.ended(HOST, asked=False, tunnel=False)
    assert not heard
    pinning.ended(HOST, asked=False, tunnel=False)
    assert [type(event) for event in heard] == [CertificateRefused]


def test_a_request_in_between_says_that_it_is_trusted() -> None:
    pinning = Pinning(heard := Heard())
    pinning.ended(HOST, asked=False, tunnel=False)
    pinning.trusted(HOST)
    for _ in range(SILENT * 2):
        pinning.ended(HOST, asked=False, tunnel=False)  # connections opened ahead, and not used
    assert not heard
