"""Axe, the accessibility checker, from the npm registry as package-lock.json has it."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

FOLDER = Path(__file__).parent
PACKAGE_FILES = ("package.json", "package-lock.json")
SCHEMES = ("light", "dark")
SERIOUS = frozenset({"serious", "critical"})
RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"], preload: false});
    return found.violations.map(rule => ({
        rule: rule.id,
        impact: rule.impact,
        help: rule.help,
        elements: rule.nodes.map(node => node.html + "  " + node.failureSummary),
    }));
}"""


def axe(page: Page) -> None:
    """Raises AssertionError for what is serious or critical on the page, in light and in dark."""
    found = [f"{scheme}: {line}" for scheme in SCHEMES for line in serious_findings(page, scheme)]
    page.emulate_media(color_scheme="light")
    assert found == [], "\n".join(found)


def serious_findings(page: Page, scheme: Any) -> list[str]:
    """What axe has to say of the page as it is, in words."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe_source())
    return [
        f"{finding['rule']} ({finding['impact']}): {finding['help']}\n" + "\n".join(finding["elements"])
        for finding in page.evaluate(RUN)
        if finding["impact"] in SERIOUS
    ]


@functools.cache
def axe_source() -> str:
    """The script; it is installed into the virtual environment on first use."""
    folder = Path(sys.prefix, "axe")
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    lock = folder / PACKAGE_FILES[1]
    if not script.exists() or not lock.exists() or lock.read_bytes() != (FOLDER / lock.name).read_bytes():
        folder.mkdir(exist_ok=True)
        for name in PACKAGE_FILES:
            shutil.copy(FOLDER / name, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
        if done.returncode != 0:
            lock.unlink()
            raise AssertionError(f"npm could not install axe-core:\n{done.stderr.decode(errors='replace')}")
    return script.read_text(encoding="utf-8")
