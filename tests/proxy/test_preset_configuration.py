"""What `init --preset` writes is right once its blanks are filled, and says what they are until then."""

import re

import pytest
import yaml

from profiles.errors import ConfigurationError
from proxy.composition import compose
from proxy.configuration_files import load_configuration
from proxy.preset_configuration import preset_configuration
from proxy.presets.catalogue import load_preset, preset_names

each_preset = pytest.mark.parametrize("name", preset_names())
END_OF_BLANKS = "# What the preset says"


def uncommented(text, *, optional):
    """The text with its blanks filled by their examples; the optional ones only where wanted."""
    blanks, end, rest = text.partition(END_OF_BLANKS)
    lines = []
    for line in blanks.splitlines():
        blank = re.match(r"( +)# ( *[\w-]+:)", line)
        if blank and (optional or "  # optional: " not in line) and not (line.endswith(":") and not optional):
            lines.append(line.replace("# ", "", 1))
        else:
            lines.append(line)
    return "\n".join([*lines, end + rest])


@each_preset
@pytest.mark.parametrize("optional", [False, True], ids=["required", "all"])
def test_a_filled_profile_is_accepted(name, optional, tmp_path):
    """With the examples for what is required, and for everything: it compiles without a warning."""
    file = tmp_path / "grantproxy.yaml"
    text = uncommented(preset_configuration(name, load_preset(name)), optional=optional)
    file.write_text(text)
    environ = dict.fromkeys(re.findall(r"\$\{env:(\w+)\}", text), "sentinel")

    configuration = load_configuration(file, environ=environ, cwd=tmp_path)

    assert list(compose(configuration, environ={}).profiles) == [name]
    assert not configuration.warnings


@each_preset
def test_a_fresh_file_lacks_its_required_blanks_and_nothing_else(name, tmp_path):
    """One problem for each of them, and each says what the preset needs."""
    file = tmp_path / "grantproxy.yaml"
    file.write_text(preset_configuration(name, load_preset(name)))

    with pytest.raises(ConfigurationError) as caught:
        load_configuration(file, environ={}, cwd=tmp_path)

    required = {blank.key for blank in load_preset(name).blanks if not blank.optional}
    assert {problem.key for problem in caught.value.problems} == {
        f"profiles.{name}.{key}" for key in required
    }
    assert all(f"preset {name} needs" in problem.message for problem in caught.value.problems)


@each_preset
def test_the_file_says_where_the_preset_was_read(name):
    """The page's address, and the preset's settings as it has them."""
    text = preset_configuration(name, load_preset(name))

    shown = "\n".join(
        line.strip().removeprefix("# ") for line in text.partition(END_OF_BLANKS)[2].splitlines()[1:]
    )
    assert load_preset(name).page in text
    assert yaml.safe_load(shown) == load_preset(name).profile


@each_preset
def test_a_file_of_profiles_d_has_the_profile_alone(name, tmp_path):
    """Its stem is the profile's name."""
    text = uncommented(preset_configuration(name, load_preset(name), in_folder=True), optional=False)

    assert yaml.safe_load(text)["extends"] == name
    assert "profiles" not in yaml.safe_load(text)
