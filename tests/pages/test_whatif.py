"""Several fixes together, on the bottlenecks page."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.charts import traces as charts
from core.errors import NotFound

ROOT = Path(__file__).parents[2]


@pytest.fixture
def simulator() -> AppTest:
    """The simulator with two causes: data in the training process, and Python."""
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["profile"] = "Simulator"
    app.switch_page("pages/bottlenecks.py")
    app.run()
    app.slider(key="sim.python_ms").set_value(30.0).run()
    assert not app.exception
    return app


def _sentence(app: AppTest) -> str:
    return next(m.value for m in app.markdown if "as expected" in m.value)


def _pills(app: AppTest):
    return next(group for group in app.button_group if "mend" in group.label)


def test_ticking_fewer_findings_predicts_a_longer_step(simulator: AppTest) -> None:
    both = _sentence(simulator)
    group = _pills(simulator)
    ticked = list(group.value or [])
    assert len(ticked) == 2
    group.set_value(ticked[:1]).run()
    assert _sentence(simulator) != both
    _pills(simulator).set_value([]).run()
    assert any("Tick a finding" in info.value for info in simulator.info)


def test_the_chooser_follows_the_sliders(simulator: AppTest) -> None:
    simulator.slider(key="sim.allocations").set_value(20).run()
    assert not simulator.exception
    assert any("A1" in option for option in _pills(simulator).options)
    for key in ("sim.allocations", "sim.python_ms", "sim.data_ms"):
        simulator.slider(key=key).set_value(0).run()
        assert not simulator.exception


def test_findings_are_sent_before_any_chart_is_built(
    simulator: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chart takes longer than all that is read before it."""
    wanted = [m.value for m in simulator.markdown if "-badge[" in m.value]
    assert wanted

    def unbuilt(*_: object) -> None:
        raise NotFound("No chart today. Look at the findings.")

    for name in ("step_breakdown_chart", "utilisation_chart"):
        monkeypatch.setattr(charts, name, unbuilt)
    simulator.run()
    assert [error.value for error in simulator.error][-1].startswith("No chart")
    assert [m.value for m in simulator.markdown if "-badge[" in m.value] == wanted
