"""Fields in multipart forms: other parts byte for byte, and no reading in which the client's own survives."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_multipart.multipart import parse_form

from profiles.errors import PayloadNotInjectable

MULTIPART = "multipart/form-data; boundary=b"
OURS = b'--b\r\nContent-Disposition: form-data; name="k"\r\n\r\nv\r\n--b--\r\n'
FILE = (
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="\xc3\xa4.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\x00\r\n--c\n\xff\r\n"
)


def part(*lines: bytes, content: bytes = b"evil") -> bytes:
    return b"--b\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + content + b"\r\n"


def read(content: bytes, boundary: str = "b") -> list[tuple[bytes, bytes]]:
    """The fields as python-multipart sees them."""
    fields: list[tuple[bytes, bytes]] = []
    parse_form(
        {"Content-Type": f"multipart/form-data; boundary={boundary}".encode()},
        io.BytesIO(content),
        lambda field: fields.append((field.field_name, field.value or b"")),
        lambda file: fields.append((file.field_name, file.file_object.getvalue())),
    )
    return fields


@pytest.mark.parametrize(
    "disposition",
    [
        b'Content-Disposition: form-data; name="k"',
        b"Content-Disposition: form-data; name=k",
        b'content-DISPOSITION:form-data;name="k"',
        b'Content-Disposition: FORM-DATA; NAME="k"',
        b'Content-Disposition: form-data; name = "k"',
        b'Content-Disposition: form-data; name="\\k"',
        b'Content-Disposition: form-data; name="%6b"',
        b'Content-Disposition: form-data; filename="x"; name="k"',
        b'Content-Disposition: form-data;\r\n name="k"',
    ],
)
def test_clients_own_part_goes_however_its_name_is_spelt(inject, disposition: bytes) -> None:
    """Quotes, quoted pairs, folding and percent-encoding do not save it."""
    assert inject(MULTIPART, part(disposition) + b"--b--\r\n", ("k", "v")) == OURS


@pytest.mark.parametrize(
    "head",
    [
        pytest.param((b"Content-Disposition: form-data; name*=utf-8''k",), id="extended-name"),
        pytest.param((b"Content-Disposition: form-data; name=\"a\"; name*=utf-8''k",), id="both-names"),
        pytest.param((b'Content-Disposition: form-data; name*0="k"',), id="continued-name"),
        pytest.param((b'Content-Disposition: form-data; name="a"; name="k"',), id="two-names"),
        pytest.param((b'Content-Disposition: form-data; name="=?utf-8?q?k?="',), id="encoded-word"),
        pytest.param((b'Content-Disposition: form-data; name="k',), id="unclosed-quote"),
        pytest.param((b'Content-Disposition: attachment; name="k"',), id="no-form-data"),
        pytest.param((b"Content-Disposition: form-data",), id="no-name"),
        pytest.param((b"Content-Type: text/plain",), id="no-disposition"),
        pytest.param(
            (b'Content-Disposition: form-data; name="a"', b'Content-Disposition: form-data; name="k"'),
            id="two-dispositions",
        ),
        pytest.param((b'Content-Disposition: form-data; name="a"\nX: y',), id="bare-line-feed"),
        pytest.param((b'X: y\rContent-Disposition: form-data; name="k"',), id="bare-carriage-return"),
        pytest.param((b"no colon", b'Content-Disposition: form-data; name="a"'), id="line-without-colon"),
        pytest.param((b'Content-Disposition : form-data; name="k"',), id="space-before-colon"),
    ],
)
def test_part_whose_name_can_be_read_differently_is_refused(inject, head: tuple[bytes, ...]) -> None:
    """Readers differ on these; the client's own field might survive in one of them."""
    with pytest.raises(PayloadNotInjectable):
        inject(MULTIPART, part(*head) + b"--b--\r\n", ("k", "v"))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"junk", id="no-delimiter"),
        pytest.param(part(b'Content-Disposition: form-data; name="a"'), id="not-closed"),
        pytest.param(b"--b--\r\n" + OURS, id="goes-on-after-its-end"),
        pytest.param(b"--b\r\nno head\r\n--b--\r\n", id="head-without-end"),
        pytest.param(
            part(b'Content-Disposition: form-data; name="a"', content=b"x\n--b\nrest") + b"--b--\r\n",
            id="delimiter-after-bare-line-feed",
        ),
        pytest.param(
            part(b'Content-Disposition: form-data; name="a"', content=b"x\r\n--bc") + b"--b--\r\n",
            id="line-begins-with-delimiter",
        ),
    ],
)
def test_body_that_its_boundary_does_not_frame_is_refused(inject, content: bytes) -> None:
    """What could be cut into parts in two ways, or in none, is not forwarded."""
    with pytest.raises(PayloadNotInjectable):
        inject(MULTIPART, content, ("k", "v"))


@pytest.mark.parametrize(
    "parameters",
    ["", "; boundary=", "; boundary=a; boundary=b", "; boundary*=utf-8''b", f"; boundary={'b' * 71}"],
)
def test_boundary_has_to_be_one(inject, parameters: str) -> None:
    """Without a boundary, or with two, nobody knows the parts."""
    with pytest.raises(PayloadNotInjectable):
        inject(f"multipart/form-data{parameters}", OURS, ("k", "v"))


@pytest.mark.parametrize("boundary", ['"a b"', "----=_Part_1/2:3", '"b"'])
def test_boundary_may_be_odd(inject, boundary: str) -> None:
    """Quoted boundaries, and the unquoted ones that Java writes, are understood."""
    plain = boundary.strip('"').encode()

    written = inject(f"multipart/form-data; boundary={boundary}", b"--" + plain + b"--\r\n", ("k", "v"))

    assert written == OURS.replace(b"--b", b"--" + plain)


def test_other_parts_stay_byte_for_byte(inject) -> None:
    """Preamble, files and epilogue are not written anew."""
    content = (
        b"preamble\r\n" + FILE + part(b'Content-Disposition: form-data; name="k"') + b"--b--\r\nepilogue"
    )

    written = inject(MULTIPART, content, ("k", "v"))

    assert written == b"preamble\r\n" + FILE + OURS + b"epilogue"


def test_value_that_holds_the_boundary_is_refused(inject) -> None:
    """It would end its own part."""
    with pytest.raises(PayloadNotInjectable, match="boundary"):
        inject(MULTIPART, OURS, ("k", "x\r\n--b\r\n"))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["k", "a", "K"]), st.binary(max_size=20).filter(lambda b: b"--b" not in b)),
        max_size=4,
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(lambda text: "--b" not in text),
)
def test_value_reads_back_and_the_rest_is_the_clients(
    inject, items: list[tuple[str, bytes]], value: str
) -> None:
    """Another reader finds the client's other parts and ours, and no other of our name."""
    parts = [
        part(f'Content-Disposition: form-data; name="{name}"'.encode(), content=data) for name, data in items
    ]

    written = inject(MULTIPART, b"".join(parts) + b"--b--\r\n", ("k", value))

    others = [(name.encode(), data) for name, data in items if name != "k"]
    assert read(written) == [*others, (b"k", value.encode())]
