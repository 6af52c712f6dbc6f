"""Loads the same events into all engines, asks all of them the same questions in turns, and compares answers before times."""

import shutil
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import processes
import questions
from engines import Engine, Failed, Hoglet, Refused
from world import World

# Bytes of disk per event while an engine loads, merging of its parts included; generous. PostHog's table serves two of the kinds.
LOADING_BYTES = {"hoglet": 220, "clickhouse posthog": 250, "clickhouse shredded": 120, "duckdb": 90}
# The queue of an import, and what nobody thought of.
SPARE_BYTES = 4 << 30


@dataclass
class Figures:
    """Of one question to one engine."""

    state: str = "ok"
    """ok, refused (this kind of query is not known), failed or differs (from what most engines say)"""
    detail: list[str] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    peak_mb: float = 0
    cold_ms: float | None = None
    facts: dict = field(default_factory=dict, repr=False)

    @property
    def median_ms(self) -> float | None:
        return statistics.median(self.ms) if self.ms else None

    def to_json(self) -> dict:
        shown = {name: getattr(self, name) for name in ["state", "detail", "ms", "cpu_ms", "peak_mb", "cold_ms"]}
        return shown | {"median_ms": self.median_ms}


@dataclass
class Outcome:
    world: World
    kinds: list[str]
    # By number of threads, question and kind.
    figures: dict[int, dict[str, dict[str, Figures]]] = field(default_factory=dict)
    bytes_per_event: dict[str, float] = field(default_factory=dict)
    load_seconds: dict[str, float] = field(default_factory=dict)
    ready_ms: dict[str, float] = field(default_factory=dict)

    @property
    def all_agree(self) -> bool:
        every = [figures for asked in self.figures.values() for kinds in asked.values() for figures in kinds.values()]
        return all(figures.state in ("ok", "refused") for figures in every)

    def to_json(self) -> dict:
        figures = {
            str(threads): {query: {kind: one.to_json() for kind, one in kinds.items()} for query, kinds in asked.items()}
            for threads, asked in self.figures.items()
        }
        names = ["bytes_per_event", "load_seconds", "ready_ms", "all_agree"]
        return {"data": self.world.facts, "figures": figures} | {name: getattr(self, name) for name in names}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def check_disk(folder: Path, events: int, kinds: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"clickhouse posthog" if kind in ("clickhouse json", "clickhouse mat") else kind for kind in kinds}
    needed, free = events * sum(LOADING_BYTES[table] for table in tables) + SPARE_BYTES, shutil.disk_usage(folder).free
    if needed > free:
        raise SystemExit(
            f"{folder} has {free >> 30} GB free and {events} events in {', '.join(kinds)} may need {needed >> 30} GB meanwhile: "
            "give fewer --events, fewer --engines, or another folder with --dir"
        )


def race(world: World, engines: list[Engine], folder: Path, threads: list[int], rounds: int, cold: bool, keep: bool) -> Outcome:
    kinds = [kind for engine in engines for kind in engine.kinds]
    outcome = Outcome(world, kinds)
    with ExitStack() as stack:
        if not keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for engine in engines:
            stack.callback(engine.stop)
            prepare(engine, world, max(threads), outcome)
        for count in threads:
            outcome.figures[count] = measure(engines, count, rounds)
            compare(outcome.figures[count])
        if cold:
            measure_cold(engines, max(threads), outcome)
    return outcome


def prepare(engine: Engine, world: World, threads: int, outcome: Outcome) -> None:
    """Loads unless a kept folder holds the data, and waits until the engine has put it in order."""
    marker = engine.folder.with_suffix(".loaded")
    if not marker.exists():
        shutil.rmtree(engine.folder, ignore_errors=True)
        engine.start(threads)
        say(f"loading {world.count} events into {' and '.join(engine.kinds)} …")
        started = time.monotonic()
        engine.load(world)
        processes.wait_until_idle(engine.process.pid)
        outcome.load_seconds[" and ".join(engine.kinds)] = round(time.monotonic() - started, 1)
        marker.touch()
    else:
        engine.start(threads)
        processes.wait_until_idle(engine.process.pid)
    engine.know(world)
    for kind, count in engine.count().items():
        if count != world.count:
            raise SystemExit(f"{kind} holds {count} events instead of {world.count}: the answers could not be compared")
    outcome.bytes_per_event |= {name: size / world.count for name, size in engine.sizes().items()}


def measure(engines: list[Engine], threads: int, rounds: int) -> dict[str, dict[str, Figures]]:
    """One round that is not counted, then rounds in which the engines take turns and the first one changes."""
    for engine in engines:
        if isinstance(engine, Hoglet):
            engine.stop()
            engine.start(threads)
            processes.wait_until_idle(engine.process.pid)
    contestants = [(engine, kind) for engine in engines for kind in engine.kinds]
    figures = {query: {kind: Figures() for _, kind in contestants} for query in questions.TITLES}
    for number in range(-1, rounds):
        say(f"{threads} thread{'s' if threads > 1 else ''}: " + ("warming up" if number < 0 else f"round {number + 1} of {rounds}"))
        first = number % len(contestants)
        for query in questions.TITLES:
            for engine, kind in contestants[first:] + contestants[:first]:
                ask(engine, kind, query, threads, figures[query][kind], is_warm_up=number < 0)
    return figures


def ask(engine: Engine, kind: str, query: str, threads: int, figures: Figures, is_warm_up: bool) -> None:
    if figures.state != "ok":
        return
    pid = engine.process.pid
    processes.reset_peak_memory(pid)
    cpu_before = processes.cpu_seconds(pid)
    try:
        took_ms, rows = engine.run(kind, query, threads)
    except Refused as refusal:
        figures.state, figures.detail = "refused", [str(refusal)]
        return
    except Failed as failure:
        figures.state, figures.detail = "failed", [str(failure)]
        return
    if is_warm_up:
        figures.facts = facts(engine, query, rows)
        return
    figures.ms.append(took_ms)
    figures.cpu_ms.append((processes.cpu_seconds(pid) - cpu_before) * 1000)
    figures.peak_mb = max(figures.peak_mb, processes.peak_memory_mb(pid))
    changed = questions.differences(query, figures.facts, facts(engine, query, rows))
    if changed:
        figures.state, figures.detail = "differs", [f"from its own earlier answer: {what}" for what in changed]


def facts(engine: Engine, query: str, rows: list) -> dict:
    read = questions.facts_of_results if isinstance(engine, Hoglet) else questions.facts_of_rows
    return read(query, rows)


def compare(figures: dict[str, dict[str, Figures]]) -> None:
    """The first other engine that answered says what is right; when two of the others disagree, that shows as well."""
    for query, by_kind in figures.items():
        answered = [kind for kind, one in by_kind.items() if one.state == "ok"]
        order = ["duckdb", "clickhouse shredded", "clickhouse mat", "clickhouse json", "hoglet"]
        judge = next((kind for kind in order if kind in answered), None)
        for kind in answered:
            found = questions.differences(query, by_kind[judge].facts, by_kind[kind].facts)
            if found:
                by_kind[kind].state, by_kind[kind].detail = "differs", [f"{judge} says {what}" for what in found]


def measure_cold(engines: list[Engine], threads: int, outcome: Outcome) -> None:
    """For each question: the engine is stopped, its files leave the page cache, it starts again and answers for the first time."""
    figures = outcome.figures[threads]
    for engine in engines:
        for kind in engine.kinds:
            say(f"cold: {kind}")
            ready = []
            for query in questions.TITLES:
                if figures[query][kind].state not in ("ok", "differs"):
                    continue
                engine.stop()
                processes.forget_cached_pages(engine.folder)
                ready.append(engine.start(threads))
                figures[query][kind].cold_ms = engine.run(kind, query, threads)[0]
            if ready:
                outcome.ready_ms[kind] = statistics.median(ready)
