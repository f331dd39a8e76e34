"""The presets that are shipped, and what is said of those that are not."""

import zipfile
from importlib import resources
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from profiles.model import ProfileSettings
from proxy.presets.catalogue import UnknownPreset, load_preset, preset_names
from proxy.setting_keys import keys_at

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(file.name for file in resources.files("proxy.presets").iterdir() if file.suffix == ".yaml")


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_where_it_was_read_and_holds_no_secret(name):
    """An https address, a description, and nothing that belongs to a user."""
    preset = load_preset(name)

    assert preset.page.startswith("https://")
    assert preset.description
    assert set(preset.profile) <= keys_at(ProfileSettings, ())
    assert not {"credentials", "extends"} & set(preset.profile)
    assert not {"client_id", "client_secret"} & set(preset.profile["grant"])


@pytest.mark.parametrize("name", preset_names())
def test_what_a_preset_leaves_blank_it_does_not_say(name):
    """No required blank has a value in the preset, and secrets are shown as references."""
    preset = load_preset(name)

    for blank in preset.blanks:
        node = preset.profile
        for step in blank.path:
            node = node.get(step, {}) if isinstance(node, dict) else {}
        assert blank.optional or not node, blank.key
        if blank.path[-1] in ("password", "client_secret"):
            assert str(blank.example).startswith("${env:")


@pytest.mark.parametrize("name", ["mastodon", "zendesk"])
def test_a_provider_without_the_grant_is_no_preset_and_the_reason_is_told(name):
    """With the address of the announcement."""
    with pytest.raises(UnknownPreset, match=r"password grant.*https://"):
        load_preset(name)
    assert name not in preset_names()


def test_an_unknown_preset_is_answered_with_the_near_miss_and_the_list():
    """All names, and the one that was probably meant."""
    with pytest.raises(UnknownPreset) as caught:
        load_preset("keyclock")

    assert 'did you mean "keycloak"' in str(caught.value)
    assert all(name in str(caught.value) for name in preset_names())


def test_the_wheel_has_the_files(tmp_path):
    """Every preset of the checkout is installed with the package."""
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])

    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.startswith("proxy/presets/")}
    assert {f"proxy/presets/{name}" for name in FILES} <= shipped
    assert len(FILES) == len(preset_names()) + 2
