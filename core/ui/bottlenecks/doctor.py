"""The script doctor beside a trace: the lines of the script, joined with what was measured.

Scripts are found by the stacks of the trace, where they lie below an allowed folder, or are typed
or uploaded. On a shared server nothing else is read.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import GpulseError
from core.lint import COSTS, RULES, Record, content_of, lint_bytes, measured
from core.runs import Run, spelled
from core.settings import settings
from core.traces import Diagnosis
from core.ui.format import duration_ms, percent, plain
from core.ui.texts import t

_COLOUR = {"correctness": "red", "memory": "red", "every step": "orange"}
_PATH, _UPLOAD = "script", "script.upload"
_SHOWN = 4
"""Lines shown below a finding; the panel has them all."""
_MIB = 2


@dataclass(frozen=True, slots=True)
class Examined:
    """What the doctor says beside one trace.

    Attributes:
        names: scripts that were read.
        records: of all of them, with what the trace measured.
        of_finding: index of a finding -> the records that are the same thing.
        problems: one line for each script that could not be read.
    """

    names: tuple[str, ...]
    records: tuple[Record, ...]
    of_finding: dict[int, list[Record]]
    problems: tuple[str, ...]


def show(found: Diagnosis, run: Run, slots: Sequence[DeltaGenerator]) -> None:
    """What the doctor says: into the place of each finding that it shares, and as a panel."""
    examined = examine(found, run)
    for index, slot in enumerate(slots):
        with slot:
            agrees(examined.of_finding.get(index, []))
    panel(examined)


def examine(found: Diagnosis, run: Run) -> Examined:
    """Read the scripts that are known of a trace."""
    names: list[str] = []
    records: list[Record] = []
    problems: list[str] = []
    for name, content in _scripts(found, run, problems):
        try:
            records += _lint(
                content if isinstance(content, bytes) else content_of(content, name), name
            )
            names.append(name)
        except GpulseError as error:
            problems.append(str(error))
    joined = measured.joined(found.findings, records)
    of_finding: dict[int, list[Record]] = {}
    for finding, record in measured.pairs(found.findings, records):
        of_finding.setdefault(finding, []).append(joined[record])
    order = {key: (not each.measured, COSTS.index(each.cost)) for key, each in _worst(joined)}
    ordered = sorted(joined, key=lambda r: (*order[r.rule], r.rule, r.file, r.line))
    return Examined(tuple(names), tuple(ordered), of_finding, tuple(problems))


def _worst(records: list[Record]) -> list[tuple[str, Record]]:
    """Rule -> the record that decides its place: one that was measured, if any."""
    return [(r.rule, r) for r in sorted(records, key=lambda record: bool(record.measured))]


@st.cache_data(max_entries=64, show_spinner=False)
def _lint(content: bytes, name: str) -> list[Record]:
    return lint_bytes(content, name)


def _scripts(found: Diagnosis, run: Run, problems: list[str]) -> list[tuple[str, Path | bytes]]:
    """(name, file or content): by the stacks, as typed, as uploaded; each name once."""
    places = _places(run)
    scripts: dict[str, Path | bytes] = {}
    for file in dict.fromkeys(frame.file for frame in measured.frames(found.findings)):
        path = measured.locate(file, places)
        if path is not None and path not in scripts.values():
            scripts[file] = path
    known = st.session_state if _PATH in st.session_state else st.query_params
    typed = str(known.get(_PATH) or "").strip()
    if typed:
        path = measured.locate(typed, places)
        if path is None:
            problems.append(t("doctor.refused", path=typed))
        elif path not in scripts.values():
            scripts[typed] = path
    upload = st.session_state.get(_UPLOAD)
    if upload is not None:
        scripts[upload.name] = upload.getvalue()
    return list(scripts.items())


def _places(run: Run) -> list[Path]:
    """Folders and files that the doctor may read: the run, the roots, GPULSE_SCRIPTS, workloads."""
    found = [run.path, *settings().scripts, *settings().all_roots]
    for entry in settings().workloads:
        found += _of_package(entry.partition(":")[0].partition(".")[0])
    return found


def _of_package(name: str) -> list[Path]:
    """Where an allow-listed package lies; it is not imported for that."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    return folders or [Path(spec.origin)] if spec.origin else folders


def agrees(records: list[Record]) -> None:
    """Below a finding: the lines that the doctor names for the same thing."""
    for record in records[:_SHOWN]:
        words = t("doctor.agrees", where=_where(record), rule=record.rule)
        line = f"**{words}** {_code(record)}"
        if record.diff:
            with st.expander(line, icon=":material/stethoscope:"):
                st.code(record.diff, language="diff")
        else:
            st.markdown(f":material/stethoscope: {line}")
    if len({record.line for record in records if record.function == records[0].function}) > 1:
        st.caption(t("doctor.several"))
    if len(records) > _SHOWN:
        st.caption(t("doctor.more", count=len(records) - _SHOWN))


def _where(record: Record) -> str:
    return plain(f"{spelled(record.file)}:{record.line}")


def _code(record: Record) -> str:
    """The code that a record is about, set apart: it is not ours."""
    code = record.message.removeprefix(RULES[record.rule].title).removeprefix(": ")
    return f"`` {code.replace('`', chr(39))} ``"


def panel(examined: Examined) -> None:
    """All lines that the doctor names, and where to name a script."""
    count = len(examined.records)
    title = t("doctor.title.count", count=count) if examined.names else t("doctor.title")
    with st.expander(title, icon=":material/stethoscope:", key="doctor.panel"):
        st.markdown(t("doctor.text"))
        left, right = st.columns(2)
        left.text_input(
            t("doctor.path"), key=_PATH, bind="query-params", help=t("doctor.path.help")
        )
        right.file_uploader(t("doctor.upload"), type=["py"], key=_UPLOAD, max_upload_size=_MIB)
        for problem in examined.problems:
            st.warning(plain(problem), icon=":material/error:")
        if examined.names:
            read = ", ".join(plain(spelled(name)) for name in examined.names)
            st.caption(t("doctor.read", names=read))
        if examined.names and not count:
            st.success(t("doctor.clean"), icon=":material/check_circle:")
        diffs = bool(count) and st.toggle(t("doctor.diffs"), key="doctor.diffs")
        for rule in dict.fromkeys(record.rule for record in examined.records):
            with st.container(border=True):
                _rule([record for record in examined.records if record.rule == rule], diffs)


def _rule(records: list[Record], diffs: bool) -> None:
    """What one rule says: why and what to do once, then its lines."""
    first = records[0]
    rule, colour = RULES[first.rule], _COLOUR.get(first.cost, "gray")
    st.markdown(f":{colour}-badge[{first.cost}] **{rule.title}**")
    st.markdown(f"{rule.why} **{t('bottlenecks.fix')}** {rule.fix}")
    for each in dict.fromkeys(said for record in records for said in record.measured):
        share = percent(100 * each.share, 1)
        cost = t("bottlenecks.cost", ms=duration_ms(each.cost_ms), share=share)
        st.markdown(f":material/speed: {t('doctor.measured', title=plain(each.title), cost=cost)}")
    if not diffs:
        st.markdown("\n".join(f"- **{_where(record)}** {_code(record)}" for record in records))
    for record in records if diffs else ():
        st.markdown(f"**{_where(record)}** {_code(record)}")
        if record.diff:
            st.code(record.diff, language="diff")
