"""How programs and systems are made to trust the local CA, and how that is undone.

Programs that take more certificates than the system's own are given ours; those that take a file in
place of the system's are given the bundle.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Advice:
    """For one kind of program, or one system: commands of a shell, and a word on them."""

    subject: str
    trust: str
    undo: str
    note: str = ""


def advice(certificate: Path, bundle: Path, name: str) -> tuple[Advice, ...]:
    """`name` is what the CA calls itself. Paths are quoted for the shell in question."""
    return (
        *_programs(shlex.quote(str(certificate)), shlex.quote(str(bundle))),
        *_systems(shlex.quote(str(certificate)), name),
        Advice(
            "Windows (as an administrator)",
            f'certutil -addstore -f ROOT "{certificate}"',
            f'certutil -delstore ROOT "{name}"',
            "For one user alone: certutil -user -addstore ROOT, and -user -delstore.",
        ),
    )


def _programs(certificate: str, bundle: str) -> tuple[Advice, ...]:
    return (
        _variable(
            "curl",
            "CURL_CA_BUNDLE",
            bundle,
            f"Once only: curl --cacert {certificate} URL. wget reads no variable for this, and is "
            f"told by --ca-certificate={bundle}.",
        ),
        _variable("Python: requests", "REQUESTS_CA_BUNDLE", bundle),
        _variable(
            "Python: httpx, and the openai and anthropic SDKs",
            "SSL_CERT_FILE",
            bundle,
            "A client with trust_env=False wants verify=ssl.create_default_context(cafile=…).",
        ),
        _variable(
            "Python: aiohttp, urllib",
            "SSL_CERT_FILE",
            bundle,
            "Set it before Python starts. aiohttp uses proxy variables with trust_env=True only.",
        ),
        _variable(
            "Node",
            "NODE_EXTRA_CA_CERTS",
            certificate,
            "Set it before Node starts. It adds to what Node trusts.",
        ),
        _variable(
            "Go (Linux, BSD)",
            "SSL_CERT_FILE",
            bundle,
            "On macOS and Windows a Go program asks the system: see there.",
        ),
        Advice(
            "Java (9 and later)",
            "keytool -importcert -noprompt -cacerts -storepass changeit -alias understudy "
            f"-file {certificate}",
            "keytool -delete -cacerts -storepass changeit -alias understudy",
            "With the rights of whoever owns the JDK. Those of Linux distributions ask the system.",
        ),
        Advice(
            "git",
            f"git config --global http.sslCAInfo {bundle}",
            "git config --global --unset http.sslCAInfo",
            "For one shell: export GIT_SSL_CAINFO.",
        ),
    )


def _systems(certificate: str, name: str) -> tuple[Advice, ...]:
    debian = "/usr/local/share/ca-certificates/understudy.crt"
    red_hat = "/etc/pki/ca-trust/source/anchors/understudy.pem"
    keychain = "/Library/Keychains/System.keychain"
    return (
        Advice(
            "Debian, Ubuntu",
            f"sudo cp {certificate} {debian} && sudo update-ca-certificates",
            f"sudo rm {debian} && sudo update-ca-certificates --fresh",
        ),
        Advice(
            "Red Hat, Fedora",
            f"sudo cp {certificate} {red_hat} && sudo update-ca-trust",
            f"sudo rm {red_hat} && sudo update-ca-trust",
        ),
        Advice(
            "Alpine (as root)",
            f"apk add ca-certificates && cp {certificate} {debian} && update-ca-certificates",
            f"rm {debian} && update-ca-certificates",
        ),
        Advice(
            "macOS",
            f"sudo security add-trusted-cert -d -r trustRoot -k {keychain} {certificate}",
            f"sudo security remove-trusted-cert -d {certificate}; "
            f"sudo security delete-certificate -c {shlex.quote(name)} {keychain}",
        ),
    )


def _variable(subject: str, name: str, value: str, note: str = "") -> Advice:
    return Advice(subject, f"export {name}={value}", f"unset {name}", note)
