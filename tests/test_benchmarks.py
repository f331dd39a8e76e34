"""The benchmarks: what is read from load clients, what becomes of it, and that nothing is left running."""

import importlib
import math
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = sorted((ROOT / "benchmarks").glob("requirements-*.txt"))
WRK = """Running 3s test @ http://127.0.0.1:8080
  1 threads and 32 connections
  Latency Distribution
     50%  274.00us
     75%    0.91ms
     99%    1.35ms
  6000 requests in 3.00s, 0.95MB read
Requests/sec:   2000.50
"""
HEY = """
Summary:
  Slowest:\t0.0200 secs
  Requests/sec:\t400.2500

Latency distribution:
  50% in 0.0010 secs
  99% in 0.0026 secs

Status code distribution:
  [200]\t1200 responses
"""


@pytest.fixture
def module(monkeypatch):
    """Imports a module of benchmarks/, which is a folder of scripts, not a package."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module


@pytest.fixture
def comparison(module):
    """Makes a comparison of pairs of rates."""
    load, comparisons = module("load"), module("comparisons")

    def make(pairs, least=2.0):
        loads = [
            (load.Load(first, 10, 1.0, 2.0, 3.0, 4.0), load.Load(second, 10, 0.5, 1.0, 3.0, 4.0))
            for first, second in pairs
        ]
        return comparisons.Comparison("ours", "theirs", least, loads)

    return make


def results_of(module, comparisons, *, is_about_latency=False):
    results = module("results")
    table = results.Table("http", "Plain HTTP", "request", "requests/s", is_about_latency, comparisons)
    return results.Results("a machine", "some software", "express", 5, 3, 17.4, [table])


def test_a_report_of_wrk_is_read(module):
    """Rate, count, percentiles in milliseconds whatever their unit, and its own time for each request."""
    load = module("load").wrk_load(WRK, cpu=0.06)

    assert (load.rate, load.count, load.p50, load.p99) == (2000.5, 6000, 0.274, 1.35)
    assert load.client_cpu == pytest.approx(10)


def test_a_report_of_hey_is_read(module):
    """The same of hey, which states seconds."""
    load = module("load").hey_load(HEY, cpu=0.012)

    assert (load.rate, load.count, load.p50, load.p99) == (400.25, 1200, 1.0, 2.6)
    assert load.client_cpu == pytest.approx(10)


def test_a_percentile_that_hey_leaves_out_is_the_slowest(module):
    """With few answers there is no 99th percentile; the slowest is one that all are within."""
    load = module("load").hey_load(HEY.replace("  99% in 0.0026 secs\n", ""), cpu=0)

    assert load.p99 == 20


@pytest.mark.parametrize(
    ("read", "report"),
    [
        pytest.param("wrk_load", WRK + "  Non-2xx or 3xx responses: 7\n", id="wrk, another status"),
        pytest.param("wrk_load", WRK + "  Socket errors: connect 0, read 1, timeout 0\n", id="wrk, an error"),
        pytest.param("wrk_load", "unable to connect", id="wrk, no report"),
        pytest.param("hey_load", HEY + "  [502]\t1 responses\n", id="hey, another status"),
        pytest.param("hey_load", HEY + "\nError distribution:\n  [3]\tGet: EOF\n", id="hey, an error"),
        pytest.param("hey_load", "", id="hey, no report"),
    ],
)
def test_a_run_counts_only_if_every_answer_was_a_200(module, read, report):
    """A proxy that fails quickly would otherwise look fast."""
    with pytest.raises(module("processes").UnmeasurableError):
        getattr(module("load"), read)(report, 1.0)


def test_a_ratio_is_the_median_of_the_pairs(comparison):
    """Not the ratio of the medians, which a machine that slows down midway would distort."""
    found = comparison([(10, 5), (100, 10), (9, 3)])

    assert found.ratio == 3
    assert found.is_met
    assert found.added("p50") == 0.5


def test_a_comparison_that_failed_meets_no_goal(comparison):
    """What was not measured is not met."""
    assert not comparison([]).is_met


def test_results_are_read_as_they_were_written(module, comparison, tmp_path):
    """The page can be made again without measuring again."""
    written = results_of(module, [comparison([(10, 5)]), comparison([])])
    written.write(tmp_path / "results.json")

    assert module("results").read_results(tmp_path / "results.json") == written


def test_the_page_says_which_goals_are_met(module, comparison):
    """Met, not met and not measured."""
    kept, missed, failed = comparison([(40, 10)]), comparison([(10, 10)]), comparison([])

    text = module("page").page(results_of(module, [kept, missed, failed]), "", [])

    goals = [line for line in text.splitlines() if "at least 2" in line]
    assert [line.split(" | ")[-1] for line in goals] == ["met |", "**not met** |", "not measured |"]


def test_the_page_keeps_what_is_written_by_hand(module, comparison, tmp_path):
    """Where the time goes is a file of its own, which generating the page does not touch."""
    file = tmp_path / "where-the-time-goes.md"
    file.write_text("# A title\n\nInto the kernel.\n")
    page = module("page")

    text = page.page(results_of(module, [comparison([(4, 2)])]), page.time_goes(file), ["http"])

    assert "## Where the time goes\n\nInto the kernel.\n" in text
    assert "](benchmarks/http.svg)" in text


def test_the_page_states_latency_beside_that_of_the_origin(module, comparison):
    """What a proxy adds, and the origin alone as the last row."""
    found = results_of(module, [comparison([(500, 500)], least=None)], is_about_latency=True)

    text = module("page").page(found, "", [])

    assert "| ours | 1.00 | 2.00 | 0.50 | 1.00 | 3.00 |\n| theirs | 0.50 | 1.00 |" in text


def test_the_steady_client_sends_all_that_is_due(module):
    """Its connections together send each request of the schedule once."""
    steady = module("steady_rate")

    instants = [instant for number in range(steady.CONNECTIONS) for instant in steady.due(number, 2)]

    assert sorted(instants) == [turn / steady.RATE for turn in range(2 * steady.RATE)]


def test_a_program_is_ended_and_its_time_is_known(module):
    """From when it listens to when the block is left."""
    processes = module("processes")
    port = processes.free_port()
    serve = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"

    with processes.running([sys.executable, "-c", serve], port) as pid:
        taken = processes.cpu_seconds(pid)

    assert taken >= 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert math.isnan(processes.cpu_seconds(pid))


def test_a_program_that_does_not_start_says_why(module, tmp_path):
    """The last line that it writes is on the page."""
    processes = module("processes")
    command = [sys.executable, "-c", "raise SystemExit('no configuration')"]

    with (
        pytest.raises(processes.UnmeasurableError, match="no configuration"),
        processes.running(command, processes.free_port(), log=tmp_path / "log"),
    ):
        pass


def test_a_profile_counts_functions_not_lines(module):
    """A function's own samples, and all in which it stands, once each."""
    stacks = "serve (a.py:1);read (b.py:7) 3\nserve (a.py:2);read (b.py:9);read (b.py:7) 1\n"

    assert module("profiling").heaviest(stacks).splitlines()[1:] == [" 100.0  100.0  read (b.py)"]


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda path: path.stem)
def test_contenders_are_pinned_and_name_no_download_address(file):
    """Each is the release that was measured, wherever packages come from here."""
    pins = [line for line in file.read_text().splitlines() if line[:1].isalpha()]

    assert pins
    assert all("==" in line for line in pins)
    assert "://" not in file.read_text()
