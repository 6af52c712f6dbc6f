"""Which statements PostHog's own parser takes, and which ours: both must agree, but for the differences that `differences.txt` explains.

    compare.py <program that reads statements and answers accept or reject> [--list]
"""

import json
import subprocess
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "crates/query/tests/corpus.txt"
DIFFERENCES = Path(__file__).with_name("differences.txt")


def load_parser():
    """The package is made for PostHog's server and asks it for its exceptions; nothing else of it is used."""
    errors = types.ModuleType("posthog.hogql.errors")
    for name in ("BaseHogQLError", "ExposedHogQLError", "SyntaxError", "NotImplementedError", "ParsingError"):
        setattr(errors, name, type(name, (Exception,), {}))
    for module in (types.ModuleType("posthog"), types.ModuleType("posthog.hogql"), errors):
        module.__path__ = []
        sys.modules[module.__name__] = module
    import hogql_parser

    return hogql_parser


def statements():
    lines = CORPUS.read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith("##")]


def theirs(parser, statement):
    try:
        answer = json.loads(parser.parse_select_json(statement))
    except Exception:  # Some mistakes are thrown while the text is cut into words.
        return False
    return not (isinstance(answer, dict) and answer.get("error"))


def ours(program, texts):
    answer = subprocess.run([program], input="\n".join(texts) + "\n", capture_output=True, text=True, check=True)
    lines = answer.stdout.splitlines()
    assert len(lines) == len(texts), f"{len(texts)} statements, {len(lines)} answers"
    return [line == "accept" for line in lines]


def explained():
    """Statements that only one side takes, by who takes them: sections of `differences.txt`, each with a reason."""
    known, side = {}, None
    for line in DIFFERENCES.read_text().splitlines():
        if line.startswith("[") and line.endswith("]"):
            side = line[1:-1]
            assert side in ("only ours", "only theirs"), line
        elif line.strip() and not line.startswith("#"):
            assert line not in known, f"listed twice: {line}"
            known[line] = side
    return known


def main():
    parser, texts, known = load_parser(), statements(), explained()
    assert len(texts) == len(set(texts)), [text for text in texts if texts.count(text) > 1]
    problems, differing = [], 0
    for text, we in zip(texts, ours(sys.argv[1], texts)):
        they = theirs(parser, text)
        side = None if we == they else ("only ours" if we else "only theirs")
        if "--list" in sys.argv and side:
            print(f"{side}: {text}")
        expected = known.pop(text, None)
        differing += side is not None
        if side != expected:
            problems.append(f"{text}\n    found: {side or 'no difference'}, listed: {expected or 'no difference'}")
    problems += [f"{text}\n    is listed but not in the corpus" for text in known]
    if problems:
        print("\n".join(problems))
        sys.exit(f"{len(problems)} of {len(texts)} statements are not as listed in {DIFFERENCES.relative_to(ROOT)}")
    print(f"{len(texts)} statements: both parsers agree, but for {differing} explained differences")


main()
