"""The salt of the contact ids."""

import stat
from pathlib import Path

import pytest

from driftline.salt import installation_salt
from driftline.settings import Settings, SettingsError


def of(home: Path, **values: str) -> Settings:
    return Settings.model_validate({"home": home, **values})


def test_an_installation_makes_a_salt_once_and_keeps_it_to_itself(tmp_path: Path) -> None:
    home = tmp_path / "home"
    salt = installation_salt(of(home))
    assert len(salt) == 32
    assert installation_salt(of(home)) == salt
    assert stat.S_IMODE((home / "salt").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["salt"]


@pytest.mark.parametrize("kept", ["", "\n"])
def test_an_empty_file_is_no_secret(tmp_path: Path, kept: str) -> None:
    (tmp_path / "salt").write_text(kept)
    with pytest.raises(SettingsError, match=r"salt is empty: .* delete it"):
        installation_salt(of(tmp_path))


def test_two_installations_have_two_salts(tmp_path: Path) -> None:
    assert installation_salt(of(tmp_path / "a")) != installation_salt(of(tmp_path / "b"))


def test_the_setting_comes_first(tmp_path: Path) -> None:
    assert installation_salt(of(tmp_path, salt="ours")) == "ours"
    assert list(tmp_path.iterdir()) == []


def test_no_place_to_keep_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="DRIFTLINE_SALT"):
        installation_salt(of(tmp_path / "file"))
