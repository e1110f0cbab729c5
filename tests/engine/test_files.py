"""Policy files as they lie on the disk, links and all."""

from pathlib import Path

import pytest

from proxy.engine.files import NoPolicy, read_sources, watched


def _read(*paths: Path) -> list[tuple[str, str]]:
    return [(Path(source.path).name, source.text) for source in read_sources(paths)]


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "any.name").write_text("a: ü")
    assert _read(tmp_path / "any.name") == [("any.name", "a: ü")], "who names a file means it"


def test_a_mark_before_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes("version = 1".encode("utf-8-sig"))
    assert _read(tmp_path / "a.toml") == [("a.toml", "version = 1")], "as Windows editors write it"


def test_a_folder_in_order_of_names(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.toml", "c.yml", ".hidden.yaml", "notes.md", "old.yaml.bak"):
        (tmp_path / name).write_text(name)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.yaml").write_text("")
    assert _read(tmp_path) == [("a.toml", "a.toml"), ("b.yaml", "b.yaml"), ("c.yml", "c.yml")]


def test_several_paths_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "z.yaml").write_text("z")
    (tmp_path / "a.yaml").write_text("a")
    assert _read(tmp_path / "one", tmp_path / "a.yaml") == [("z.yaml", "z"), ("a.yaml", "a")]


def test_what_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoPolicy, match=r"nowhere: there is no such file.*--policies"):
        read_sources([tmp_path / "nowhere"])
    with pytest.raises(NoPolicy, match=r"no policy file in this folder; it wants \*\.yaml"):
        read_sources([tmp_path])


def test_what_is_no_text_is_told_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: \xff")
    with pytest.raises(NoPolicy, match=r"a\.yaml: not UTF-8 text: .* at byte 3"):
        read_sources([tmp_path])


def test_a_link_to_nowhere_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        read_sources([tmp_path])
    with pytest.raises(NoPolicy, match="no such file"):
        read_sources([tmp_path / "a.yaml"])


def _config_map(folder: Path, version: str) -> None:
    """A mounted ConfigMap: visible links into `..data`, which is a link that is swapped whole."""
    inside = folder / f"..{version}"
    inside.mkdir(parents=True)
    (inside / "a.yaml").write_text(version)
    new = folder / "..data_tmp"
    new.symlink_to(inside.name)
    new.replace(folder / "..data")
    if not (folder / "a.yaml").is_symlink():
        (folder / "a.yaml").symlink_to("..data/a.yaml")


def test_a_mounted_config_map(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    _config_map(mount, "v1")
    assert _read(mount) == [("a.yaml", "v1")]
    before = watched([mount])
    assert watched([mount]) == {mount, mount / "..v1"}
    _config_map(mount, "v2")
    assert _read(mount) == [("a.yaml", "v2")]
    assert watched([mount]) != before


def test_where_a_change_would_show(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "links"
    real.mkdir()
    link.mkdir()
    (real / "a.yaml").write_text("")
    (link / "a.yaml").symlink_to(real / "a.yaml")
    (tmp_path / "linked").symlink_to(real)
    assert watched([real / "a.yaml"]) == {real}
    assert watched([real]) == {real}
    assert watched([link / "a.yaml"]) == {link, real}
    assert watched([tmp_path / "linked"]) == {tmp_path, tmp_path / "linked", real}
    assert watched([link]) == {link, real}


def test_what_is_gone_would_show_above(tmp_path: Path) -> None:
    assert watched([tmp_path / "a" / "b" / "policies"]) == {tmp_path}
    (tmp_path / "file").write_text("")
    assert watched([tmp_path / "file" / "policies"]) == {tmp_path}


def test_a_circle_of_links_is_no_reason_to_stop_watching(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "b.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "a.yaml")
    assert watched([tmp_path]) == {tmp_path}
    with pytest.raises(OSError, match="symbolic links"):
        read_sources([tmp_path])
