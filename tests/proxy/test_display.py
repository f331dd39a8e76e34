"""How commands speak."""

import io
import json
import sys

import pytest

from proxy.display import printable, show_error, show_json, show_line, show_table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain ä €", "plain ä €", id="plain"),
        pytest.param("a\tb\nc", "a\tb\nc", id="tab and line stay"),
        pytest.param("a\r\nb", "a\nb", id="CRLF"),
        pytest.param("a\rb", "a\\x0db", id="a bare CR would hide what stands before it"),
        pytest.param("\x1b[2Jgone", "\\x1b[2Jgone", id="escape sequence"),
        pytest.param("a\x9bb", "a\\x9bb", id="C1 control"),
        pytest.param("\u202eabc", "\\x202eabc", id="right-to-left override"),
    ],
)
def test_a_terminal_is_shown_nothing_that_it_acts_on(text, shown):
    """Control characters are spelled out, line ends and tabs stay."""
    assert printable(text) == shown


def test_results_go_to_stdout_and_errors_to_stderr(capsys):
    """A pipe gets results only."""
    show_line("result", style="green")
    show_error("what went wrong")

    captured = capsys.readouterr()
    assert captured.out == "result\n"
    assert captured.err == "grantproxy: what went wrong\n"


def test_long_lines_and_brackets_come_out_as_they_are(capsys):
    """Plain output is neither wrapped nor read as markup."""
    line = "https://[::1]/[bold] " + "x" * 300

    show_line(line)

    assert capsys.readouterr().out == line + "\n"


def test_a_table_is_aligned_columns_for_a_pipe(capsys):
    """Columns line up and no line ends in blanks."""
    show_table(("profile", "guard"), [("a", "open"), ("longer", "")])

    assert capsys.readouterr().out == "PROFILE  GUARD\na        open\nlonger\n"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_no_color_is_honoured_on_a_terminal(monkeypatch):
    """With NO_COLOR set no escape sequence is written (no-color.org)."""
    terminal = Terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", terminal)

    show_line("result", style="green")

    assert "\x1b[3" not in terminal.getvalue()
    assert "result" in terminal.getvalue()


def test_a_table_on_a_terminal_reads_no_markup(monkeypatch):
    """A profile's name in brackets is a name."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)

    show_table(("profile",), [("[red]x",)])

    assert "[red]x" in terminal.getvalue()


def test_json_is_one_document(capsys):
    """What --json prints can be parsed as a whole."""
    show_json({"name": "ä", "path": [1, None]})

    assert json.loads(capsys.readouterr().out) == {"name": "ä", "path": [1, None]}
