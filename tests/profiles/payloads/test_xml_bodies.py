"""Fields in XML: text and attributes by path, and that nothing else changes."""

from __future__ import annotations

import codecs
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.errors import PayloadNotInjectable

XML = "application/xml"

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
        lambda character: ord(character) >= 32 or character in "\t\n\r"
    )
)


@pytest.mark.parametrize(
    ("content", "key", "expected"),
    [
        pytest.param("<r/>", "k", "<r><k>v</k></r>", id="into-empty-root"),
        pytest.param("<r a='1' />", "k", "<r a='1'><k>v</k></r>", id="empty-root-with-attribute"),
        pytest.param("<r> <a/> </r>", "k", "<r> <a/> <k>v</k></r>", id="after-the-others"),
        pytest.param("<r><k>old</k></r>", "k", "<r><k>v</k></r>", id="replaced"),
        pytest.param("<r><k/></r>", "k", "<r><k>v</k></r>", id="empty-element"),
        pytest.param("<r><k a='>'/></r>", "k", "<r><k a='>'>v</k></r>", id="bracket-in-attribute"),
        pytest.param("<r><k>1</k><a/><k>2</k></r>", "k", "<r><k>v</k><a/><k>v</k></r>", id="every-one"),
        pytest.param("<r><k>1<x>2</x></k></r>", "k", "<r><k>v</k></r>", id="children-go"),
        pytest.param("<r><k><![CDATA[<k>]]></k></r>", "k", "<r><k>v</k></r>", id="cdata"),
        pytest.param("<r><a><k/></a><k/></r>", "a.k", "<r><a><k>v</k></a><k/></r>", id="own-depth-only"),
        pytest.param("<r><a/><a/></r>", "a.k", "<r><a><k>v</k></a><a><k>v</k></a></r>", id="every-parent"),
        pytest.param("<r/>", "a.b.k", "<r><a><b><k>v</k></b></a></r>", id="way-is-made"),
        pytest.param("<r/>", "r.k", "<r><k>v</k></r>", id="root-may-be-named"),
        pytest.param("<r/>", "@k", '<r k="v"/>', id="attribute-of-root"),
        pytest.param("<r k = 'old' j='k'/>", "@k", "<r k = \"v\" j='k'/>", id="attribute-replaced"),
        pytest.param("<r j=' k=\"1\"'/>", "@k", '<r k="v" j=\' k="1"\'/>', id="attribute-in-a-value"),
        pytest.param("<r/>", "a.@k", '<r><a k="v"></a></r>', id="attribute-of-new-element"),
        pytest.param(
            "<s:r xmlns:s='u'><s:k/></s:r>", "k", "<s:r xmlns:s='u'><s:k>v</s:k></s:r>", id="other-prefix"
        ),
        pytest.param(
            "<s:r xmlns:s='u'/>", "k", "<s:r xmlns:s='u'><s:k>v</s:k></s:r>", id="parents-prefix-taken"
        ),
        pytest.param("<!--<k>--><r/><!--c-->", "k", "<!--<k>--><r><k>v</k></r><!--c-->", id="comments-stay"),
        pytest.param(
            "<?p <k> ?><r>&amp;&#65;</r>", "k", "<?p <k> ?><r>&amp;&#65;<k>v</k></r>", id="rest-stays"
        ),
        pytest.param("<größe><ä/></größe>", "größe.ä", "<größe><ä>v</ä></größe>", id="names-beyond-ascii"),
    ],
)
def test_field_is_written_at_its_path(inject, content: str, key: str, expected: str) -> None:
    """The text stands in every element that the path names; what is missing on the way is made."""
    assert inject(XML, content.encode(), (key, "v")).decode() == expected


def test_namespaces_that_only_values_use_stay(inject) -> None:
    """SOAP types name prefixes in values; a document written anew would lose their declarations."""
    content = (
        b'<?xml version="1.0"?>\n<s:E xmlns:s="urn:s" xmlns:x="urn:x" xmlns:i="urn:i">'
        b'<a i:type="x:string">1</a></s:E>'
    )

    written = inject("application/soap+xml", content, ("a", "2"))

    assert written == content.replace(b">1<", b">2<")


@pytest.mark.parametrize(
    ("content", "key"),
    [
        pytest.param("", "k", id="empty"),
        pytest.param("<r>", "k", id="not-closed"),
        pytest.param("<r/><r/>", "k", id="two-roots"),
        pytest.param("<r>&unknown;</r>", "k", id="unknown-entity"),
        pytest.param("<!DOCTYPE r><r/>", "k", id="doctype"),
        pytest.param('<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>', "k", id="entity"),
        pytest.param('<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', "k", id="external"),
        pytest.param("<p:r/>", "k", id="unbound-prefix"),
        pytest.param("<r/>", "a b", id="no-element-name"),
        pytest.param("<r/>", "a..b", id="empty-step"),
        pytest.param("<r/>", "@a.b", id="attribute-in-between"),
        pytest.param("<r/>", "@", id="attribute-without-name"),
        pytest.param("<r/>", "k><evil", id="markup-in-the-key"),
    ],
)
def test_document_without_the_place_is_refused(inject, content: str, key: str) -> None:
    """What is no XML, brings a DTD, or cannot take the field is not forwarded."""
    with pytest.raises(PayloadNotInjectable):
        inject(XML, content.encode(), (key, "v"))


@pytest.mark.parametrize("value", ["\x00", "\x08", "\ud800", "\ufffe"])
def test_value_that_xml_cannot_hold_is_refused(inject, value: str) -> None:
    """XML 1.0 has no way to write these characters."""
    with pytest.raises(PayloadNotInjectable, match="cannot hold the value of k"):
        inject(XML, b"<r/>", ("k", value))


@pytest.mark.parametrize(
    ("parameters", "declared", "codec", "mark"),
    [
        pytest.param("", "", "utf-8", b"", id="utf-8"),
        pytest.param("", "", "utf-8", codecs.BOM_UTF8, id="mark"),
        pytest.param("", "iso-8859-1", "latin-1", b"", id="declared"),
        pytest.param("; charset=iso-8859-1", "utf-8", "latin-1", b"", id="parameter-wins"),
        pytest.param("", "utf-16", "utf-16-le", codecs.BOM_UTF16_LE, id="utf-16-mark"),
        pytest.param("; charset=utf-16", "utf-16", "utf-16-be", b"", id="utf-16-without-mark"),
        pytest.param("", "utf-16", "utf-16-le", b"", id="utf-16-by-zeros"),
        pytest.param("; charset=us-ascii", "utf-8", "ascii", codecs.BOM_UTF8, id="mark-wins"),
    ],
)
def test_charset_and_declaration_are_kept(
    inject, parameters: str, declared: str, codec: str, mark: bytes
) -> None:
    """Charset (RFC 7303 section 3) and declaration are what they were."""
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    letter = "" if codec == "ascii" else "é"
    content = mark + f"{declaration}<r>{letter}</r>".encode(codec)

    written = inject(XML + parameters, content, ("k", "v"))

    assert written == mark + f"{declaration}<r>{letter}<k>v</k></r>".encode(codec)


def test_value_beyond_the_charset_becomes_a_reference(inject) -> None:
    """A character reference says it in ASCII."""
    assert inject(f"{XML}; charset=us-ascii", b"<r/>", ("k", "€")) == b"<r><k>&#8364;</k></r>"


@settings(deadline=None)
@given(texts, texts)
def test_value_reads_back(inject, text: str, attribute: str) -> None:
    """Another parser finds the very value, as text and as an attribute, markup and white space included."""
    written = inject(XML, b"<r><a/></r>", ("k", text), ("a.@n", attribute))

    root = ET.fromstring(written)
    assert (root.findtext("k") or "") == text
    assert root.find("a").get("n") == attribute
