"""The gallery page: every entry by its link, the ways on from it, the way to it from a finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import traces
from core.gallery import ENTRIES, get
from core.ui.texts import t

ROOT = Path(__file__).parents[2]


def _open(page: str = "gallery", **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception, app.exception[0].value
    return app


def _links(app: AppTest) -> list[str]:
    return [link.proto.label for link in app.get("page_link")]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_an_entry_shows_code_finding_fix_and_proof(entry) -> None:
    app = _open(killer=t(f"gallery.{entry.key}.name"))
    assert not app.error
    shown = {metric.label: metric.value for metric in app.metric}
    assert "ms" in shown[t("compare.step")]
    assert float(shown[t("gallery.measured")].rstrip("×")) > 1.1
    assert any(t(f"gallery.{entry.key}.title") == heading.value for heading in app.subheader)
    code = [block.value for block in app.code]
    assert "← killer" in code[0]
    assert any(block.startswith("--- before.py") for block in code)
    words = "\n".join(element.value for element in app.markdown)
    origin = t("gallery.recorded") if entry.simulated is None else t("gallery.simulated")
    assert f"badge[{origin}]" in words
    assert "did not find this killer" not in words
    assert (t("gallery.simulator") in _links(app)) == (entry.simulated is not None)


def test_without_a_choice_or_with_a_wrong_one_the_first_entry_is_there() -> None:
    for query in ({}, {"killer": "no such killer"}):
        app = _open(**query)
        assert not app.error
        assert t(f"gallery.{ENTRIES[0].key}.title") in [each.value for each in app.subheader]


def test_the_simulator_is_opened_with_the_entrys_own_settings() -> None:
    app = _open(killer=t("gallery.tiny-kernels.name"))
    (link,) = (each for each in app.get("page_link") if "simulator" in each.proto.label)
    pairs = dict(part.split("=") for part in link.proto.query_string.split("&"))
    app = _open("bottlenecks", **pairs)
    before, _ = get("tiny-kernels").simulated or pytest.fail("it is simulated")
    assert app.slider(key="sim.kernels").value == before.kernels
    assert app.slider(key="sim.launch_us").value == before.launch_us
    assert any("launch of many small kernels" in each.value for each in app.markdown)


def test_a_finding_leads_to_the_entry_that_explains_it(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "net" / "trace"
    folder.mkdir(parents=True)
    content = traces.simulate(traces.SimulatorSettings(data_ms=60.0, workers=0))
    (folder / "net.pt.trace.json").write_text(json.dumps(content))
    app = _open("bottlenecks", run="net")
    assert t("bottlenecks.explain", name=t("gallery.no-workers.name")) in _links(app)
