"""How times grow with the number of events and with the number of merged persons."""

from dataclasses import dataclass

import questions
import report
from race import Outcome


@dataclass
class Step:
    label: str
    outcome: Outcome


def show(heading: str, steps: list[Step], threads: int, kind: str) -> str:
    """Times by step, then how many times the first step's time the last one's is."""
    rows = []
    for query in questions.TITLES:
        figures = [step.outcome.figures[threads][query][kind] for step in steps]
        first, last = figures[0].median_ms, figures[-1].median_ms
        factor = f"{last / first:.1f}×" if first and last else ""
        rows.append([report.title(query)] + [report.cell(one, lambda one: one.median_ms) for one in figures] + [factor])
    header = [f"ms, {report.SHORT[kind]}"] + [step.label for step in steps] + ["last / first"]
    return f"{heading}\n\n{report.table(header, rows)}"
