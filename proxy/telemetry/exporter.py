"""Sends spans to a collector by OTLP over HTTP, and says in one line when that stops working.

The exporter blocks, retries and logs as it likes; only the courier's thread ever runs it.
"""

import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from proxy.telemetry.environment import Tracing
from proxy.telemetry.line import LOGGER
from proxy.telemetry.redact import redact

EXPORT_TIMEOUT_S = 4.0
"""For one batch with all its retries. Shorter than a stop may take, so a stop can wait for it."""

_LOGGER = logging.getLogger(LOGGER)
_ITS_LOGGER = "opentelemetry"


class Exporter:
    """An OTLP exporter that speaks up when the collector goes and when it comes back."""

    def __init__(self, tracing: Tracing) -> None:
        # Proxies of the environment would lead through this very program, and trace the traces.
        self._session = requests.Session()
        self._session.trust_env = False
        self._otlp = OTLPSpanExporter(
            endpoint=tracing.endpoint,
            headers=dict(tracing.headers),
            timeout=EXPORT_TIMEOUT_S,
            compression=Compression(tracing.compression),
            certificate_file=tracing.certificate,
            client_certificate_file=tracing.client_certificate,
            client_key_file=tracing.client_key,
            session=self._session,
        )
        self._collector = _shown(tracing.endpoint)
        self._reached = True
        self._closed = False
        self._ear = _Ear(_ITS_LOGGER)

    def send(self, spans: Iterable[ReadableSpan]) -> bool:
        """Whether the collector took them. Blocks for about `EXPORT_TIMEOUT_S` at most."""
        self._ear.heard = ""
        reached = self._otlp.export(list(spans)) is SpanExportResult.SUCCESS
        if self._closed:
            return reached
        if reached and not self._reached:
            _LOGGER.info("The trace collector at %s takes traces again.", self._collector)
        elif self._reached and not reached:
            _LOGGER.warning(
                "The trace collector at %s does not take traces (%s). Calls are not affected; their"
                " traces are dropped and counted until it does. Check OTEL_EXPORTER_OTLP_ENDPOINT.",
                self._collector,
                redact(self._ear.heard) or "no reason given",
            )
        self._reached = reached
        return reached

    def close(self) -> None:
        """Give up what is under way, and be silent from now on."""
        self._closed = True
        self._otlp.shutdown()  # type: ignore[no-untyped-call]
        self._ear.close()


class _Ear(logging.Handler):
    """Keeps what OpenTelemetry logs out of the log, where it would come with every batch, and
    remembers the first of it, which has the reason."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.heard = ""
        self._logger = logging.getLogger(name)
        self._propagated = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.heard = self.heard or record.getMessage()

    def close(self) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated
        super().close()


def _shown(endpoint: str) -> str:
    """An endpoint without the password and the query that it may hold."""
    parts = urlsplit(endpoint)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
