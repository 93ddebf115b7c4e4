"""Reading YAML: faults name file and line, nothing doubtful passes, nothing takes long."""

import hashlib
import os
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from flare_core.errors import SpecError
from flare_core.reading import Loaded, Spec, dump, find, list_specs, read
from flare_core.yaml_tree import MAX_BYTES


class Wheel(Spec):
    radius_m: float = Field(gt=0)
    spokes: int = 8


class Cart(Spec):
    wheel: Wheel
    colour: Literal["red", "green"] = "red"
    tags: tuple[str, ...] = ()
    brakes: bool = False
    motor: Literal["none"] | Wheel = "none"
    name: str = ""


FOREVER_S = 10.0  # well-formed or not, a file is judged in some 0.3 s; anything that grows with the square of its size takes minutes
GOOD = "kind: recipe\nwheel: {radius_m: 0.3}\n"


def write(folder: Path, text: str, name: str = "cart.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(path: Path, **options: object) -> Loaded[Cart]:
    return read(path, "recipe", Cart, **options)  # type: ignore[arg-type]  # options of the tests below


def fault(folder: Path, text: str) -> str:
    """Message of a file, without its folder; none takes long to judge."""
    path = write(folder, text)
    start = time.process_time()
    with pytest.raises(SpecError) as caught:
        load(path)
    assert time.process_time() - start < FOREVER_S
    return str(caught.value).replace(str(path), "cart.yaml")


def test_a_good_file_loads(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, GOOD + "tags: [a, b]\n"))
    assert loaded.spec.wheel.radius_m == 0.3
    assert loaded.spec.tags == ("a", "b")
    assert loaded.name == "cart"
    assert loaded.resolved == {"kind": "recipe", "name": "cart", "wheel": {"radius_m": 0.3}, "tags": ["a", "b"]}
    assert loaded.line_of(("wheel", "radius_m")) == f"{tmp_path}/cart.yaml:2"


def test_all_faults_of_a_file_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = "kind: recipe\nwheel:\n  radius: 0.3\n  spokes: many\ncolour: gren\nbrake: true\n"
    assert fault(tmp_path, text) == "\n".join(
        [
            "cart.yaml:2: wheel.radius_m: is missing. Add `radius_m:`",
            "cart.yaml:3: wheel.radius: no such key 'radius'. Use radius_m, spokes. Did you mean 'radius_m'?",
            "cart.yaml:4: wheel.spokes: should be a valid integer; got 'many'",
            "cart.yaml:5: colour: 'gren' is not one of red, green. Did you mean 'green'?",
            "cart.yaml:6: brake: no such key 'brake'. Use brakes, colour, extends, kind, motor, name, origin, origins, tags, wheel."
            " Did you mean 'brakes'?",
        ]
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("colour: red\ncolour: green", "cart.yaml:4: colour: is already set on line 3. Keep one of the two"),
        ("motor: {radius_m: 0,38}", "cart.yaml:3: motor.radius_m: `0,38`: a decimal point, not a comma. Write 0.38"),
        (
            "motor:\n  radius_m: -0,38",
            "cart.yaml:4: motor.radius_m: `-0,38`: a decimal point, not a comma. Write -0.38, or '-0,38' in quotes if text is meant",
        ),
        (
            "motor: {radius_m: 1,000}",
            "cart.yaml:3: motor.radius_m: `1,000`: a decimal point, not a comma. Write 1.000, or 1000 if thousands are meant",
        ),
        (
            "motor: {radius_m: 3e-4}",
            "cart.yaml:3: motor.radius_m: `3e-4` is text to YAML. Write 3.0e-4, or '3e-4' in quotes if text is meant",
        ),
        (
            "motor: {radius_m: 1.5e3}",
            "cart.yaml:3: motor.radius_m: `1.5e3` is text to YAML. Write 1.5e+3, or '1.5e3' in quotes if text is meant",
        ),
        (
            "brakes: on",
            "cart.yaml:3: brakes: `on` is text to some readers and a truth value to others. Write true or false, or 'on' in quotes",
        ),
        ("on: 3", "cart.yaml:3: `on` as a key is not read as text. Write it in quotes if it is a name"),
        ("tags: [12:30]", "cart.yaml:3: tags.0: `12:30` is read as a number to the base of 60. Write it in quotes if a time is meant"),
        ("motor: {radius_m: 010}", "cart.yaml:3: motor.radius_m: `010` is read as an octal number. Remove the leading zero"),
        ("tags: [2026-11-20]", "cart.yaml:3: tags.0: `2026-11-20` is read as a date. Write it in quotes"),
        ("tags: &t [a]\nname: *t", "cart.yaml:4: aliases are not read (*t). Write the value out, or put it in a file to `extends:`"),
        ("<<: {a: 1}", "cart.yaml:3: `<<` as a key is not read as text. Write it in quotes if it is a name"),
        (
            "tags: !!python/object:os.system x",
            "cart.yaml:3: tags: `x` has the tag 'tag:yaml.org,2002:python/object:os.system'. Write it in quotes",
        ),
        ("tags: !thing [x]", "cart.yaml:3: tags: tag '!thing' is not read. Remove it"),
        ("motor: {radius_m: .nan}", "cart.yaml:3: motor.radius_m: should be a finite number; got nan"),
        ("motor: {radius_m: '0.2'}", "cart.yaml:3: motor.radius_m: should be a valid number; got '0.2'"),
        ("motor: {radius_m: true}", "cart.yaml:3: motor.radius_m: should be a valid number; got True"),
        ("motor: nome", "cart.yaml:3: motor: should be 'none' or mapping; got 'nome'. Did you mean 'none'?"),
        (
            "motor: {radius_mm: 1}",
            "cart.yaml:3: motor.radius_m: is missing. Add `radius_m:`\n"
            "cart.yaml:3: motor.radius_mm: no such key 'radius_mm'. Use radius_m, spokes. Did you mean 'radius_m'?",
        ),
        ("tags:", "cart.yaml:3: tags: is empty. It should be a list"),
        (
            "motor: {spokes: " + 5000 * "9" + "}",
            "cart.yaml:3: motor.spokes: a number of 5000 characters is too long. Shorten it\n"
            "cart.yaml:3: motor.radius_m: is missing. Add `radius_m:`",
        ),
    ],
)
def test_what_yaml_reads_otherwise_than_a_person_is_a_fault(tmp_path: Path, line: str, message: str) -> None:
    assert fault(tmp_path, GOOD + line + "\n") == message


@pytest.mark.parametrize(
    "line", ["name: '3e-4'", "name: 'on'", 'name: "12:30"', "brakes: true", "motor: {radius_m: 3.0e-4}", "motor: {radius_m: 2}"]
)
def test_the_remedies_that_messages_name_are_accepted(tmp_path: Path, line: str) -> None:
    line = line.replace("name", "colour") if "name" in line else line
    path = write(tmp_path, GOOD + line.replace("colour: ", "tags: [") + ("]" if "colour" in line else "") + "\n")
    load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cart.yaml:1: the file is empty. A spec begins with `kind:`"),
        ("# only a comment\n", "cart.yaml:1: should be a mapping of keys that begins with `kind: recipe`"),
        ("just text", "cart.yaml:1: should be a mapping of keys that begins with `kind: recipe`"),
        ("wheel: {radius_m: 1}", "cart.yaml:1: `kind:` is missing. Begin the file with `kind: recipe`"),
        (
            "kind: recipee\nwheel: {radius_m: 1}",
            "cart.yaml:1: kind: 'recipee', but a spec of kind 'recipe' is needed here. Did you mean 'recipe'?",
        ),
        (
            "kind: recipe\n\twheel: 1",
            "cart.yaml:2: not valid YAML: while scanning a plain scalar, "
            "found a tab character that violates indentation. Indent with spaces, not with tabs",
        ),
        (
            "kind: recipe\nwheel: [1",
            "cart.yaml:2: not valid YAML: while parsing a flow sequence, did not find expected ',' or ']'."
            " Is a bracket or a quote left open, or a space missing after ':'?",
        ),
        (60_000 * "[", "cart.yaml:1: nested more than 32 deep. No spec is; is a bracket missing?"),
    ],
)
def test_what_is_not_a_spec_at_all_is_told_in_a_second(tmp_path: Path, text: str, message: str) -> None:
    assert fault(tmp_path, text) == message


def test_an_alias_bomb_is_refused_before_it_is_built(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert fault(tmp_path, bomb).startswith("cart.yaml:2: aliases are not read (*a0).")


def test_a_file_that_refers_to_itself_is_refused(tmp_path: Path) -> None:
    assert "aliases are not read (*a)" in fault(tmp_path, "kind: recipe\nwheel: &a [*a]\n")


def test_a_file_of_100_megabytes_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "cart.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    start = time.process_time()
    with pytest.raises(SpecError, match=f"has 100000000 bytes, a spec has at most {MAX_BYTES}"):
        load(path)
    assert time.process_time() - start < FOREVER_S


@pytest.mark.parametrize("line", ["key%d: 1", "- {move: x%d}", "# %d\nname: x", "wheel: {a%d: {b: [1, 2, 3]}}"])
def test_the_largest_file_allowed_is_judged_in_seconds(tmp_path: Path, line: str) -> None:
    lines = ["kind: recipe", *(["tags:"] if line.startswith("-") else [])]
    size = len("\n".join(lines))
    while size < MAX_BYTES - 100:
        lines.append(line % len(lines))
        size += len(lines[-1]) + 1
    assert len(fault(tmp_path, "\n".join(lines)).splitlines()) <= 51


def test_text_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "cart.yaml"
    path.write_bytes(b"kind: recipe\nname: caf\xe9\n")
    with pytest.raises(SpecError, match=r"cart\.yaml:2: byte 0xe9 is not UTF-8\. Save the file as UTF-8"):
        load(path)


def test_control_characters_are_a_fault(tmp_path: Path) -> None:
    assert "not valid YAML" in fault(tmp_path, "kind: recipe\nname: a\x07b\n")


def test_folders_and_devices_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        load(tmp_path)
    with pytest.raises(SpecError, match="no such file"):
        load(Path("/dev/zero"))


def test_a_byte_order_mark_and_windows_line_ends_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "cart.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(path).spec.wheel.radius_m == 0.3


def test_a_child_merges_mappings_and_replaces_all_else(tmp_path: Path) -> None:
    write(tmp_path, "kind: recipe\nname: old\norigin: measured\nwheel: {radius_m: 0.3, spokes: 6}\ntags: [a, b]\n", "parent.yaml")
    loaded = load(write(tmp_path, "kind: recipe\nextends: ./parent.yaml\nwheel: {spokes: 7}\ntags: [c]\n"))
    assert loaded.resolved == {"kind": "recipe", "name": "cart", "wheel": {"radius_m": 0.3, "spokes": 7}, "tags": ["c"]}
    assert loaded.line_of(("wheel", "radius_m")) == f"{tmp_path}/parent.yaml:4"
    assert loaded.line_of(("wheel", "spokes")) == f"{tmp_path}/cart.yaml:3"


def test_a_key_displaces_the_rivals_that_it_inherits(tmp_path: Path) -> None:
    write(tmp_path, "kind: recipe\norigins: {wheel.radius_m: tape}\nwheel: {radius_m: 0.3}\n", "parent.yaml")
    path = write(tmp_path, "kind: recipe\nextends: ./parent.yaml\nwheel: {spokes: 7}\n")
    with pytest.raises(SpecError, match="radius_m: is missing"):
        load(path, displaces={"spokes": ("radius_m",)})


def test_a_fault_stands_in_the_file_that_holds_it(tmp_path: Path) -> None:
    parent = write(tmp_path, "kind: recipe\nwheel: {radius_m: -1}\n", "parent.yaml")
    child = write(tmp_path, "kind: recipe\nextends: ./parent.yaml\n\ncolour: blue\n")
    with pytest.raises(SpecError) as caught:
        load(child)
    assert str(caught.value).splitlines() == [
        f"{parent}:2: wheel.radius_m: should be greater than 0; got -1",
        f"{child}:4: colour: 'blue' is not one of red, green.",
    ]


def test_a_circle_of_extends_is_told_with_its_way(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    write(tmp_path, "kind: recipe\nextends: ./two.yaml\n", "one.yaml")
    write(tmp_path, "kind: recipe\n\nextends: one.yaml\n", "two.yaml")
    with pytest.raises(SpecError) as caught:
        load(one)
    assert str(caught.value) == f"{two}:3: extends: goes round in a circle: {one} -> {two} -> {one}. Remove one `extends:`"


def test_a_chain_without_end_is_cut(tmp_path: Path) -> None:
    for at in range(40):
        write(tmp_path, f"kind: recipe\nextends: c{at + 1}.yaml\n", f"c{at}.yaml")
    with pytest.raises(SpecError, match=r"c15\.yaml:2: extends: more than 16 files deep"):
        load(tmp_path / "c0.yaml")


def test_an_unknown_parent_is_told_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    path = write(tmp_path, "kind: embodiment\nextends: locobott\n")
    with pytest.raises(SpecError, match=r"cart\.yaml:2: extends: no embodiment 'locobott'\. .*Did you mean 'locobot'\?"):
        read(path, "embodiment", Cart)


def test_a_name_that_is_a_file_beside_is_offered_as_a_path(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "mine.yaml")
    with pytest.raises(SpecError, match=r"Did you mean '\./mine\.yaml'\?"):
        find("mine", "recipe", base=tmp_path)
    assert find("./mine.yaml", "recipe", base=tmp_path) == tmp_path / "mine.yaml"


def test_a_file_from_elsewhere_may_not_extend(tmp_path: Path) -> None:
    path = write(tmp_path, "kind: recipe\nextends: /etc/passwd.yaml\n")
    with pytest.raises(SpecError, match=r"cart\.yaml:2: extends: this file has to stand alone"):
        load(path, self_contained=True)


def test_an_override_is_laid_over_and_its_faults_name_it(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "tags: [a, b]\n")
    loaded = load(path, overrides=[("wheel.spokes", "5"), ("tags.1", "z"), ("motor.radius_m", "0.1")])
    assert loaded.resolved["wheel"] == {"radius_m": 0.3, "spokes": 5}
    assert loaded.spec.tags == ("a", "z")
    assert isinstance(loaded.spec.motor, Wheel)
    assert loaded.line_of(("wheel", "spokes")) == "-o wheel.spokes"
    assert loaded.line_of(("wheel", "radius_m")) == f"{path}:2"
    with pytest.raises(SpecError) as caught:
        load(path, overrides=[("wheel.radius_m", "-1"), ("colour", "gren"), ("wheel.spoke", "2"), ("motor", "1e3")])
    assert str(caught.value).splitlines() == [
        "-o motor: `1e3` is text to YAML. Write 1.0e+3, or '1e3' in quotes if text is meant",
        "-o wheel.radius_m: should be greater than 0; got -1",
        "-o wheel.spoke: no such key 'spoke'. Use radius_m, spokes. Did you mean 'spokes'?",
        "-o colour: 'gren' is not one of red, green. Did you mean 'green'?",
    ]


def test_what_is_dumped_reads_back_the_same(tmp_path: Path) -> None:
    odd = [
        "0,38",
        "3e-4",
        "on",
        "12:30",
        "010",
        "null",
        "~",
        "2026-11-20",
        "é ü",
        "a: b",
        "- x",
        "1_0",
        "",
        "=",
        "<<",
        "0x1f",
        "-.inf",
        "1.",
    ]
    path = write(tmp_path, GOOD)
    resolved: dict[str, Any] = {**load(path).resolved, "tags": odd, "wheel": {"radius_m": 1e-05, "spokes": 10**20}}
    again = load(write(tmp_path, dump(resolved), "again.yaml"))
    assert again.resolved == resolved


def test_the_hash_is_of_what_counts_only(tmp_path: Path) -> None:
    one = load(write(tmp_path, GOOD + "colour: red\n"))
    same = load(write(tmp_path, "# other order\nkind: recipe\norigin: me\nname: x\ncolour: red\nwheel:\n  radius_m: 0.3\n", "b.yaml"))
    other = load(write(tmp_path, GOOD + "colour: green\n", "c.yaml"))
    assert one.sha256 == same.sha256 != other.sha256
    assert len(one.sha256) == len(hashlib.sha256().hexdigest())


def test_origins_lead_to_values_that_exist(tmp_path: Path) -> None:
    message = fault(tmp_path, GOOD + "origins: {wheel.radius_m: tape, wheel.hub: guess}\n")
    assert message == "cart.yaml:3: origins.wheel.hub: no such value in this spec. Write the dotted path of a key"


def test_a_child_drops_the_origin_of_what_it_changes(tmp_path: Path) -> None:
    write(
        tmp_path, "kind: recipe\norigins: {wheel.radius_m: tape, wheel.spokes: count}\nwheel: {radius_m: 0.3, spokes: 6}\n", "parent.yaml"
    )
    loaded = load(write(tmp_path, "kind: recipe\nextends: ./parent.yaml\nwheel: {spokes: 7}\n"))
    assert loaded.resolved["origins"] == {"wheel.radius_m": "tape"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.chmod(0)
    with pytest.raises(SpecError, match="cannot be read"):
        load(path)


def test_packaged_specs_are_listed() -> None:
    assert {"stretch_re1", "locobot", "locobot_stock", "turtlebot4"} <= set(list_specs("embodiment"))
