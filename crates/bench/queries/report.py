"""What was measured, as tables for people."""

import math
import os

import questions
from race import Figures, Outcome

SHORT = {
    "hoglet": "Hoglet",
    "clickhouse json": "CH json",
    "clickhouse mat": "CH mat",
    "clickhouse shredded": "CH shredded",
    "duckdb": "DuckDB",
}


def table(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(row: list[str]) -> str:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        return "  ".join(cells).rstrip()

    return "\n".join([line(header), line(["-" * width for width in widths]), *map(line, rows)])


def number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def title(query: str) -> str:
    return f"{query} {questions.TITLES[query]}"


def geometric_mean(values: list[float]) -> float | None:
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def times(outcome: Outcome, threads: int, value=lambda figures: figures.median_ms) -> str:
    """Each engine's figure, and how many times Hoglet's it is."""
    others = [kind for kind in outcome.kinds if kind != "hoglet"]
    ours = "hoglet" in outcome.kinds
    ratios: dict[str, list[float]] = {kind: [] for kind in others}
    rows = []
    for query, by_kind in outcome.figures[threads].items():
        row = [title(query)] + ([cell(by_kind["hoglet"], value)] if ours else [])
        for kind in others:
            row.append(cell(by_kind[kind], value))
            if ours:
                ratio = ratio_of(by_kind["hoglet"], by_kind[kind], value)
                row.append("" if ratio is None else f"{ratio:.2f}×")
                ratios[kind] += [] if ratio is None else [ratio]
        rows.append(row)
    header = ["ms"] + (["Hoglet"] if ours else [])
    last = ["geometric mean of ratios"] + ([""] if ours else [])
    for kind in others:
        header += [SHORT[kind], "ratio"] if ours else [SHORT[kind]]
        mean = geometric_mean(ratios[kind])
        last += ["", "" if mean is None else f"{mean:.2f}×"] if ours else []
    return table(header, rows + ([last] if ours and others else []))


def cell(figures: Figures, value) -> str:
    if figures.state in ("refused", "failed"):
        return figures.state
    return number(value(figures)) + (" (!)" if figures.state == "differs" else "")


def ratio_of(ours: Figures, theirs: Figures, value) -> float | None:
    """Only equal answers are compared by time."""
    if ours.state != "ok" or theirs.state != "ok" or not value(ours) or not value(theirs):
        return None
    return value(theirs) / value(ours)


def plain(outcome: Outcome, threads: int, unit: str, value) -> str:
    rows = [
        [title(query)] + [cell(by_kind[kind], value) for kind in outcome.kinds] for query, by_kind in outcome.figures[threads].items()
    ]
    return table([unit] + [SHORT[kind] for kind in outcome.kinds], rows)


def problems(asked: dict[str, dict[str, dict[str, Figures]]]) -> list[str]:
    """What is not an equal answer. Figures are given by the name of a measurement; what is the same in several is said once."""
    seen: dict[tuple[str, str, str, str], list[str]] = {}
    for name, by_query in asked.items():
        for query, by_kind in by_query.items():
            for kind, figures in by_kind.items():
                if figures.state != "ok":
                    shown = [f"    {what.splitlines()[0][:200]}" for what in figures.detail[:5]]
                    shown += [f"    … and {len(figures.detail) - 5} more"] if len(figures.detail) > 5 else []
                    seen.setdefault((query, kind, figures.state, "\n".join(shown)), []).append(name)
    return [f"{title(query)}, {SHORT[kind]}, {', '.join(names)}: {state}\n{shown}" for (query, kind, state, shown), names in seen.items()]


def threads_named(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def machine() -> str:
    load = os.getloadavg()[0]
    busy = "; BUSY: other work disturbs these figures" if load > 0.3 * (os.cpu_count() or 1) else ""
    return f"{os.cpu_count()} cores, load {load:.1f} before the start{busy}"


def show(outcome: Outcome, rounds: int, before: str) -> str:
    facts = outcome.world.facts
    parts = [
        f"{facts['events']} events ({facts['json_bytes_per_event']:.0f} bytes of JSON each) of {facts['persons']} persons, "
        f"{facts['merges']} of them merged away, {facts['sessions']} sessions, 90 days; {before}"
    ]
    for threads in outcome.figures:
        parts.append(
            f"Warm, {threads_named(threads)}, median of {rounds} rounds taken in turns. "
            f"A ratio above 1 means that Hoglet is faster. (!) means that the answer differs.\n\n{times(outcome, threads)}"
        )
    most = max(outcome.figures)
    parts.append(f"Processor time, {threads_named(most)} (resolution 10 ms)\n\n" + plain(outcome, most, "ms", lambda one: median(one.cpu_ms)))
    parts.append(f"Peak memory of the process while it answers, {threads_named(most)}\n\n" + plain(outcome, most, "MB", lambda one: one.peak_mb))
    if outcome.ready_ms:
        parts.append(
            "Cold: engine stopped, its files' pages dropped with posix_fadvise, started, first answer\n\n"
            + plain(outcome, most, "ms", lambda one: one.cold_ms)
            + "\n"
            + "until ready: "
            + ", ".join(f"{SHORT[kind]} {number(took)} ms" for kind, took in outcome.ready_ms.items())
        )
    sizes = [[SHORT.get(name, name), f"{size:.1f}"] for name, size in outcome.bytes_per_event.items()]
    parts.append("On disk\n\n" + table(["bytes per event", ""], sizes))
    found = problems({threads_named(threads): asked for threads, asked in outcome.figures.items()})
    parts.append("Answers: all equal." if not found else "Answers:\n" + "\n".join(found))
    return "\n\n".join(parts)


def median(values: list[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None
