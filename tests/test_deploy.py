"""What the files for deployment say is true: every setting that they name exists."""

import argparse
import re
from pathlib import Path

import pytest
import yaml

from proxy.cli.flags import Flags
from proxy.cli.serving import add_serve_flags

ROOT = Path(__file__).parent.parent
FILES = ["Dockerfile", "deploy/kubernetes.yaml", "deploy/understudy.service"]


def _variables() -> set[str]:
    """Of all flags, as their help names them."""
    parser = argparse.ArgumentParser()
    add_serve_flags(Flags(parser, {}))
    return set(re.findall(r"UNDERSTUDY_[A-Z_]+", parser.format_help()))


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_a_flags(name: str) -> None:
    named = set(re.findall(r"UNDERSTUDY_[A-Z_]+", (ROOT / name).read_text()))
    assert named <= _variables()


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_open_to_strangers_by_default(name: str) -> None:
    said = [line for line in (ROOT / name).read_text().splitlines() if not line.startswith("#")]
    assert not any("UNDERSTUDY_LISTEN" in line or "UNDERSTUDY_OPEN" in line for line in said)


def test_the_user_that_is_left_alone_is_the_images() -> None:
    """Who is redirected to itself serves nobody, and another user has no way into its folders."""
    (user,) = re.findall(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert f"useradd --uid {user} " in (ROOT / "Dockerfile").read_text()
    told = (ROOT / "deploy/transparent/README.md").read_text()
    (pod,) = re.findall(r"```yaml\n(.*?)```", told, re.DOTALL)
    redirect, proxy = yaml.safe_load(pod)["initContainers"]
    assert redirect["command"][2] == user
    assert str(proxy["securityContext"]["runAsUser"]) == user


def test_the_sidecar_is_yaml_and_its_admin_port_has_a_token() -> None:
    pod = yaml.safe_load((ROOT / "deploy/kubernetes.yaml").read_text())["spec"]["template"]["spec"]
    (proxy,) = pod["initContainers"]
    told = {variable["name"] for variable in proxy["env"]}
    assert {"UNDERSTUDY_ADMIN", "UNDERSTUDY_ADMIN_TOKEN"} <= told
