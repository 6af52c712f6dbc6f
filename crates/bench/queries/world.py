"""The made-up data: how much of it there is, and its streams in the forms that engines load."""

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class World:
    generator: Path
    events: int
    merges: str
    """As an option of the generator: `--merged=1` (percent) or `--merges=100`."""

    def __post_init__(self) -> None:
        made = subprocess.run(self.command("facts"), stdout=subprocess.PIPE)
        if made.returncode != 0:
            raise SystemExit(made.returncode)
        self.facts = json.loads(made.stdout)

    @property
    def name(self) -> str:
        return f"{self.events}-{self.merges.lstrip('-').replace('=', '-')}"

    @property
    def count(self) -> int:
        """The exact number of events, merges included."""
        return self.facts["events"]

    def command(self, form: str) -> list[str]:
        return [str(self.generator), "generate", "--events", str(self.events), self.merges, "--form", form]

    @contextmanager
    def stream(self, form: str):
        """A pipe with the data in one form; fails when the generator does."""
        process = subprocess.Popen(self.command(form), stdout=subprocess.PIPE)
        try:
            yield process.stdout
        finally:
            process.stdout.close()
            status = process.wait()
        if status != 0:
            raise RuntimeError(f"the generator ended with {status} while it wrote the form '{form}'")
