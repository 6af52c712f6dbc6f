"""The benchmark of queries; `tools/bench-queries` installs what it needs and starts it. See docs/benchmarks.md."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import growth
import report
import texts_clickhouse
from engines import ClickHouse, DuckDb, Engine, Failed, Hoglet
from race import Outcome, check_disk, race, say
from world import World

ENGINES = ["hoglet", *(f"clickhouse-{schema}" for schema in texts_clickhouse.SCHEMAS), "duckdb"]


def main() -> int:
    options = arguments()
    try:
        return {"race": run_race, "growth": run_growth}[options.command](options)
    except (RuntimeError, Failed, subprocess.CalledProcessError) as error:
        say(f"tools/bench-queries: {error}")
        return 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/bench-queries", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    racing = commands.add_parser("race", help="Hoglet, ClickHouse and DuckDB on the same events")
    racing.add_argument("--events", type=amount, default=20_000_000, help="how many, about; 20m, 200k … (default 20m)")
    racing.add_argument("--merged", type=float, default=1, help="percentage of persons who are merged away (default 1)")
    racing.add_argument("--engines", type=names, default=ENGINES, help=f"comma-separated, of {', '.join(ENGINES)}")
    racing.add_argument("--threads", type=amounts, default=[1, 2], help="comma-separated (default 1,2)")
    racing.add_argument("--no-cold", action="store_true", help="leave out what needs restarts")
    growing = commands.add_parser("growth", help="how times grow with events and with merges")
    growing.add_argument("--sizes", type=amounts, default=[10**6, 10**7, 10**8], help="events (default 1m,10m,100m)")
    growing.add_argument("--merges", type=amounts, default=[1, 100, 10_000], help="merged persons (default 1,100,10k)")
    growing.add_argument("--merges-events", type=amount, default=10**6, help="events while merges grow (default 1m)")
    growing.add_argument("--engines", type=names, default=["hoglet", "duckdb"], help="as above (default hoglet,duckdb)")
    growing.add_argument("--threads", type=amounts, default=[2])
    for command in [racing, growing]:
        command.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
        command.add_argument("--json", type=Path, metavar="FILE", help="write every figure there as well")
        command.add_argument("--keep", action="store_true", help="keep the data and use what an earlier run kept")
        command.add_argument("--dir", type=Path, required=True, help=argparse.SUPPRESS)
        for needed in ["--hoglet", "--generator", "--clickhouse-library"]:
            command.add_argument(needed, type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def amount(text: str) -> int:
    units = {"k": 10**3, "m": 10**6}
    return int(float(text[:-1]) * units[text[-1].lower()]) if text[-1:].lower() in units else int(text.replace("_", ""))


def amounts(text: str) -> list[int]:
    return [amount(part) for part in text.split(",")]


def names(text: str) -> list[str]:
    wanted = text.split(",")
    unknown = [name for name in wanted if name not in ENGINES]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known are {', '.join(ENGINES)}")
    return wanted


def engines(options: argparse.Namespace, folder: Path) -> list[Engine]:
    schemas = [schema for schema in texts_clickhouse.SCHEMAS if f"clickhouse-{schema}" in options.engines]
    found: list[Engine] = []
    if "hoglet" in options.engines:
        found.append(Hoglet(options.hoglet, folder / "hoglet"))
    if schemas:
        found.append(ClickHouse(options.clickhouse_library, folder / "clickhouse", schemas))
    if "duckdb" in options.engines:
        found.append(DuckDb(folder / "duckdb"))
    return found


def one(options: argparse.Namespace, events: int, merges: str, cold: bool) -> Outcome:
    contestants = engines(options, options.dir)
    check_disk(options.dir, events, [kind for engine in contestants for kind in engine.kinds])
    world = World(options.generator, events, merges)
    folder = options.dir / world.name
    return race(world, engines(options, folder), folder, options.threads, options.rounds, cold, options.keep)


def run_race(options: argparse.Namespace) -> int:
    before = report.machine()
    outcome = one(options, options.events, f"--merged={options.merged:g}", not options.no_cold)
    print(report.show(outcome, options.rounds, before))
    write_json(options, outcome.to_json() | {"machine": before})
    return 0 if outcome.all_agree else 1


def run_growth(options: argparse.Namespace) -> int:
    say(report.machine())
    sizes = [growth.Step(f"{size:,}", one(options, size, "--merged=1", False)) for size in options.sizes]
    merges = [growth.Step(f"{count:,}", one(options, options.merges_events, f"--merges={count}", False)) for count in options.merges]
    threads = max(options.threads)
    named = report.threads_named(threads)
    for kind in (sizes or merges)[0].outcome.kinds:
        print(growth.show(f"By events, 1 % of persons merged, {named}", sizes, threads, kind), end="\n\n")
        print(growth.show(f"By merged persons, {options.merges_events:,} events, {named}", merges, threads, kind), end="\n\n")
    found = report.problems(
        {f"{step.label} {what}": step.outcome.figures[threads] for what, steps in [("events", sizes), ("merges", merges)] for step in steps}
    )
    print("Answers: all equal." if not found else "Answers:\n" + "\n".join(found))
    steps = sizes + merges
    write_json(options, {"by_events": labelled(sizes), "by_merges": labelled(merges)})
    return 0 if all(step.outcome.all_agree for step in steps) else 1


def labelled(steps: list[growth.Step]) -> dict:
    return {step.label: step.outcome.to_json() for step in steps}


def write_json(options: argparse.Namespace, figures: dict) -> None:
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    sys.exit(main())
