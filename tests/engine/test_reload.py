"""Changed policies come into force, wrong ones don't, and nothing that was learnt is forgotten."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.core.event import PolicyLoaded, PolicyRefused
from proxy.core.failure import Failure, FailureKind
from tests.engine.parts import POLICY, Stage
from tests.plays.stage import Answer, Play, said
from tests.upstream.certificates import Issuer

CHANGED = POLICY.replace("consecutive: 2", "consecutive: 3")
WRONG = POLICY.replace("dialect: openai", "dialect: opnai")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "policies" / "a.yaml"
    file.parent.mkdir()
    _write(file, POLICY)
    return file


def _write(file: Path, text: str) -> None:
    file.write_text(text)


async def test_a_change_comes_into_force(file: Path) -> None:
    stage = Stage(file)
    before = stage.engine.program
    _write(file, CHANGED)
    assert await stage.reloader.reload() == ()
    after = stage.engine.program
    assert after is not before
    assert after.snapshot.digest != before.snapshot.digest
    assert stage.applied == [after.snapshot]
    assert stage.events == [PolicyLoaded(after.snapshot.digest, (str(file),))]
    assert stage.reloader.loaded.complaints == ()


async def test_what_means_the_same_changes_nothing_and_is_not_announced(file: Path) -> None:
    stage = Stage(file)
    before = stage.engine.program
    _write(file, "# a remark\n" + POLICY)
    assert await stage.reloader.reload() == ()
    assert stage.engine.program is before
    assert not stage.events
    assert not stage.applied


@pytest.mark.parametrize(
    ("text", "told"),
    [(WRONG, "opnai"), ("{", "a.yaml:1"), ("\x00", "a.yaml")],
    ids=["a wrong word", "no YAML", "no text"],
)
async def test_a_wrong_set_leaves_the_last_good_one(file: Path, text: str, told: str) -> None:
    stage = Stage(file)
    before = stage.engine.program
    _write(file, text)
    complaints = await stage.reloader.reload()
    assert any(told in complaint for complaint in complaints)
    assert stage.engine.program is before
    assert stage.events == [PolicyRefused(complaints)]
    assert stage.reloader.loaded.complaints == complaints
    assert not stage.applied
    await stage.reloader.reload()
    assert len(stage.events) == 1, "the same complaints are told once"


async def test_a_set_that_went_missing_is_a_wrong_one(file: Path) -> None:
    stage = Stage(file.parent)
    shutil.rmtree(file.parent)
    (complaint,) = await stage.reloader.reload()
    assert "no such file or folder" in complaint
    os.makedirs(file)
    (complaint,) = await stage.reloader.reload()
    assert "directory" in complaint


async def test_taking_a_mistake_back_is_told(file: Path) -> None:
    stage = Stage(file)
    before = stage.engine.program.snapshot.digest
    _write(file, WRONG)
    await stage.reloader.reload()
    _write(file, POLICY)
    assert await stage.reloader.reload() == ()
    assert stage.engine.program.snapshot.digest == before
    assert [type(event) for event in stage.events] == [PolicyRefused, PolicyLoaded]
    assert stage.reloader.loaded.complaints == ()


async def test_the_standing_of_upstreams_outlives_it(file: Path) -> None:
    stage = Stage(file)
    upstream = stage.engine.program.snapshot.upstreams["openai"]
    standing = stage.parts.standings.of(upstream)
    standing.breaker.permit().failed(FailureKind.UNAVAILABLE, 0.1)
    standing.health.failed(FailureKind.UNAVAILABLE, "down")
    _write(file, CHANGED)
    await stage.reloader.reload()
    changed = stage.engine.program.snapshot.upstreams["openai"]
    assert stage.parts.standings.of(changed) is standing
    assert standing.health.report().failure_count == 1
    standing.breaker.permit().failed(FailureKind.UNAVAILABLE, 0.1)
    assert standing.breaker.state == "closed", "three are needed now"
    standing.breaker.permit().failed(FailureKind.UNAVAILABLE, 0.1)
    with pytest.raises(Failure):
        standing.breaker.permit()


async def test_a_refused_set_changes_no_settings_of_a_breaker(file: Path) -> None:
    stage = Stage(file)
    _write(file, CHANGED + "wrong: 1\n")
    assert await stage.reloader.reload()
    upstream = stage.engine.program.snapshot.upstreams["openai"]
    assert stage.parts.standings.of(upstream).breaker.settings.consecutive == 2


async def test_another_key_is_another_set(file: Path) -> None:
    keyed = POLICY.replace("{dialect: openai,", "{dialect: openai, api_key: one,")
    _write(file, keyed)
    stage = Stage(file)
    _write(file, keyed.replace("one", "two"))
    await stage.reloader.reload()
    assert len(stage.applied) == 1


@pytest.fixture
def secure(file: Path) -> Path:
    """A folder beside the policies', which name a certificate and its key in it."""
    folder = file.parent.with_name("certs")
    folder.mkdir()
    _renew(folder, "first.test")
    named = "cert_file: ../certs/us.pem, key_file: ../certs/us.key"
    _write(file, POLICY.replace("{dialect: openai,", f"{{dialect: openai, {named},"))
    return folder


def _renew(folder: Path, name: str) -> None:
    made = Issuer(folder, name).issue(name)
    for source, file in zip(made, ("us.pem", "us.key"), strict=True):
        source.replace(folder / file)


async def test_a_certificate_that_was_renewed_is_another_set(file: Path, secure: Path) -> None:
    stage = Stage(file)
    before = stage.engine.program.snapshot
    assert await stage.reloader.reload() == ()
    assert not stage.applied, "nothing has changed"
    _renew(secure, "second.test")
    assert await stage.reloader.reload() == ()
    assert stage.engine.program.snapshot.digest != before.digest
    assert stage.prepared[-1] is stage.applied[-1], "and was made ready before it was compiled"


async def test_a_certificate_that_is_no_good_leaves_the_last_good_set(
    file: Path, secure: Path
) -> None:
    stage = Stage(file)
    before = stage.engine.program
    (secure / "us.key").unlink()
    (complaint,) = await stage.reloader.reload()
    assert complaint.startswith(f"{file}:4:")
    assert "'key_file' cannot be read" in complaint
    assert stage.engine.program is before
    _renew(secure, "second.test")
    assert await stage.reloader.reload() == ()
    assert stage.engine.program is not before


async def test_what_a_certificate_lies_in_is_watched_too(file: Path, secure: Path) -> None:
    stage = Stage(file)
    watching = asyncio.create_task(stage.reloader.watch())
    await asyncio.sleep(0.05)
    _renew(secure, "second.test")
    await _until(lambda: bool(stage.applied))
    stage.reloader.stop()
    await asyncio.wait_for(watching, 5.0)


async def test_two_at_once_take_turns(file: Path) -> None:
    stage = Stage(file)
    _write(file, CHANGED)
    await asyncio.gather(*[stage.reloader.reload() for _ in range(5)])
    assert [type(event) for event in stage.events] == [PolicyLoaded]


async def test_a_call_ends_under_the_policy_that_it_began_with() -> None:
    before = """
version: 1
upstreams:
  openai: {dialect: openai, url: https://a.example, retry: {attempts: 1}}
  old: {dialect: openai, url: https://b.example, api_key: k}
routes: [{name: chat, match: {upstream: openai}, targets: [openai, old]}]
"""
    slow = Answer(503, wait_s=5.0)
    play = Play(before, openai=[slow, slow], old=[Answer(200, said("old"))])
    play.scripts["new"] = [Answer(200, said("new"))]
    task = await play.begin(play.asks(), 1.0)
    play.reload(before.replace("old", "new"))

    async def result() -> object:
        return (await task).json

    assert await play.clock.run(result()) == said("old")
    assert (await play.chat()).json == said("new")


async def _until(true: Callable[[], bool]) -> None:
    """Real files and a real watch. A second is promised; a busy machine gets a little more."""
    async with asyncio.timeout(3.0):
        while not true():  # noqa: ASYNC110 (nobody tells of it)
            await asyncio.sleep(0.01)


async def test_files_are_watched_whatever_becomes_of_their_folder(file: Path) -> None:
    stage = Stage(file.parent)
    watching = asyncio.create_task(stage.reloader.watch())
    seen = [stage.engine.program.snapshot.digest]

    def changed() -> bool:
        return stage.engine.program.snapshot.digest not in seen

    async def in_force(calls: int, write: Callable[[str], object]) -> None:
        write(POLICY.replace("consecutive: 2", f"consecutive: {calls}"))
        await _until(changed)
        seen.append(stage.engine.program.snapshot.digest)

    def replaced(text: str) -> None:
        new = file.with_name(".new")
        new.write_text(text)
        new.replace(file)

    def folder_swapped(text: str) -> None:
        new = file.parent.with_name("new")
        new.mkdir()
        (new / "a.yaml").write_text(text)
        file.parent.rename(file.parent.with_name("old"))
        new.rename(file.parent)

    def folder_made_anew(text: str) -> None:
        shutil.rmtree(file.parent)
        file.parent.mkdir()
        _write(file, text)

    _write(file, CHANGED)
    await _until(changed)  # also what was written before the watch stood
    seen.append(stage.engine.program.snapshot.digest)
    await in_force(4, file.write_text)
    await in_force(5, replaced)
    await in_force(6, folder_swapped)
    await in_force(7, file.write_text)
    await in_force(8, folder_made_anew)
    await in_force(9, file.write_text)
    _write(file, WRONG)
    await _until(lambda: bool(stage.reloader.loaded.complaints))
    stage.reloader.stop()
    await asyncio.wait_for(watching, 5.0)


async def test_where_nothing_can_be_watched_the_files_are_read_all_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*folders: Path, **settings: object) -> None:
        raise RuntimeError("Error creating recommended watcher: Too many open files")

    monkeypatch.setattr("proxy.engine.reload.awatch", none_left)
    monkeypatch.setattr("proxy.engine.reload.POLL_S", 0.02)
    stage = Stage(file)
    watching = asyncio.create_task(stage.reloader.watch())
    await asyncio.sleep(0.05)
    _write(file, CHANGED)
    for _ in range(500):
        if stage.applied:
            break
        await asyncio.sleep(0.01)
    assert stage.applied
    stage.reloader.stop()
    async with asyncio.timeout(5):
        await watching
