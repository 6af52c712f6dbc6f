"""The engines under test. Each is one process; ClickHouse answers for several schemas."""

import http.client
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import processes
import questions
import texts_clickhouse
import texts_duckdb
from world import World

HERE = Path(__file__).resolve().parent
QUERY_SECONDS = 900


class Refused(Exception):
    """The engine does not know this kind of query."""


class Failed(Exception):
    """The engine knows the query and could not answer it."""


class Engine:
    """`kinds` are the columns of the report that the engine fills: its own name, or one per schema."""

    kinds: list[str]
    folder: Path
    process: subprocess.Popen | None = None

    def start(self, threads: int) -> float:
        """Returns how long it took to be ready, in milliseconds."""
        raise NotImplementedError

    def load(self, world: World) -> None:
        raise NotImplementedError

    def run(self, kind: str, query: str, threads: int) -> tuple[float, list]:
        """Milliseconds and the rows or results."""
        raise NotImplementedError

    def count(self) -> dict[str, int]:
        """Events by kind, to know that everything was loaded."""
        raise NotImplementedError

    def sizes(self) -> dict[str, float]:
        """Bytes on disk by kind, and parts of them by a longer name."""
        raise NotImplementedError

    def stop(self) -> None:
        if self.process is not None:
            processes.stop(self.process)
            self.process = None


@dataclass
class ClickHouse(Engine):
    library: Path
    folder: Path
    schemas: list[str]
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    port: int = 0

    def __post_init__(self) -> None:
        self.kinds = [f"clickhouse {schema}" for schema in self.schemas]

    def know(self, world: World) -> None:
        self.texts = {f"clickhouse {schema}": texts_clickhouse.queries(schema, world.facts) for schema in self.schemas}

    def start(self, threads: int) -> float:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, started = processes.free_port(), time.perf_counter()
        command = [sys.executable, str(HERE / "clickhouse" / "server.py"), str(self.library), str(self.folder), str(self.port)]
        log = (self.folder.parent / "clickhouse.log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        while True:
            try:
                self.ask("SELECT 1")
                return (time.perf_counter() - started) * 1000
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - started > 300:
                    raise RuntimeError(f"ClickHouse did not start; see {log.name}") from None
                time.sleep(0.005)

    def load(self, world: World) -> None:
        prepare, loads = [], []
        if {"json", "mat"} & set(self.schemas):
            prepare, loads = prepare + texts_clickhouse.PREPARE_POSTHOG, loads + texts_clickhouse.LOADS_POSTHOG
        if "shredded" in self.schemas:
            prepare, loads = prepare + texts_clickhouse.PREPARE_SHREDDED, loads + texts_clickhouse.LOADS_SHREDDED
        for statement in prepare:
            self.ask(statement)
        for form, insert, afterwards in loads:
            with world.stream(form) as stream:
                self.ask(insert, stream)
            for statement in afterwards:
                self.ask(statement)

    def run(self, kind: str, query: str, threads: int) -> tuple[float, list]:
        text, settings = self.texts[kind][query], {"max_threads": threads, "max_execution_time": QUERY_SECONDS}
        # Answers and filter results of earlier rounds must not be reused.
        settings |= {"use_query_cache": 0, "use_query_condition_cache": 0}
        started = time.perf_counter()
        body = self.ask(text, None, settings)
        return (time.perf_counter() - started) * 1000, json.loads(body)["data"]

    def count(self) -> dict[str, int]:
        tables = {"json": "events", "mat": "events", "shredded": "shredded"}
        counted = {table: json.loads(self.ask(f"SELECT count() FROM {table}"))["data"][0][0] for table in {tables[s] for s in self.schemas}}
        return {f"clickhouse {schema}": counted[tables[schema]] for schema in self.schemas}

    def sizes(self) -> dict[str, float]:
        parts = "SELECT table, sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'default' GROUP BY table"
        tables = {table: float(size) for table, size in json.loads(self.ask(parts))["data"]}
        columns = "SELECT sum(column_bytes_on_disk) FROM system.parts_columns WHERE active AND table = 'events' AND column LIKE 'mat_%'"
        derived = float(json.loads(self.ask(columns))["data"][0][0] or 0)
        posthog = tables.get("events", 0) + tables.get("person_distinct_id_overrides", 0)
        sizes = {"json": posthog - derived, "mat": posthog, "shredded": tables.get("shredded", 0) + tables.get("merges", 0)}
        return {f"clickhouse {schema}": sizes[schema] for schema in self.schemas}

    def ask(self, statement: str, body=None, settings: dict | None = None) -> bytes:
        parameters = {"default_format": "JSONCompact", "output_format_json_quote_64bit_integers": 0, **(settings or {})}
        if body is not None:
            parameters["query"] = statement
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=4 * 3600)
        try:
            chunks = statement.encode() if body is None else iter(lambda: body.read(1 << 20), b"")
            connection.request("POST", "/?" + urlencode(parameters), chunks, encode_chunked=body is not None, headers=chunked(body))
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise Failed(f"ClickHouse answered {response.status}: {answer.decode(errors='replace')[:2000]}\n{statement}")
        return answer


def chunked(body) -> dict[str, str]:
    return {} if body is None else {"Transfer-Encoding": "chunked"}


@dataclass
class DuckDb(Engine):
    folder: Path
    texts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kinds = ["duckdb"]

    @property
    def file(self) -> Path:
        return self.folder / "events.duckdb"

    def know(self, world: World) -> None:
        self.texts = texts_duckdb.queries(world.facts)

    def start(self, threads: int) -> float:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.spawn()

    def spawn(self, pass_fds: tuple = ()) -> float:
        started = time.perf_counter()
        command = [sys.executable, str(HERE / "duckdb_driver.py"), str(self.file)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=pass_fds)
        self.process.stdout.readline()
        return (time.perf_counter() - started) * 1000

    def load(self, world: World) -> None:
        self.stop()
        for index, (form, table) in enumerate([("shredded", "events"), ("overrides", "merges")]):
            with world.stream(form) as stream:
                self.spawn((stream.fileno(),))
                for statement in [texts_duckdb.PREPARE[index], texts_duckdb.COPY.format(table=table, file=f"/dev/fd/{stream.fileno()}")]:
                    self.ask({"sql": statement})
                self.ask({"sql": "CHECKPOINT"})
                self.stop()
        self.spawn()

    def run(self, kind: str, query: str, threads: int) -> tuple[float, list]:
        answer = self.ask({"sql": self.texts[query], "threads": threads})
        return answer["ms"], answer["rows"]

    def count(self) -> dict[str, int]:
        return {"duckdb": self.ask({"sql": "SELECT count(*) FROM events"})["rows"][0][0]}

    def sizes(self) -> dict[str, float]:
        return {"duckdb": processes.size_bytes(self.file)}

    def ask(self, request: dict) -> dict:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("DuckDB ended in the middle of a query")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"DuckDB: {answer['error']}\n{request['sql']}")
        return answer

    def stop(self) -> None:
        if self.process is not None:
            # The driver ends with its input, after DuckDB has written what it holds.
            self.process.stdin.close()
            self.process.wait(600)
            self.process = None


@dataclass
class Hoglet(Engine):
    binary: Path
    folder: Path
    nodes: dict[str, dict] = field(default_factory=dict)
    port: int = 0

    TOKEN = "phc_bench_queries"
    KEY = "phx_bench_queries_0123456789abcdefghij"

    def __post_init__(self) -> None:
        self.kinds = ["hoglet"]

    def environment(self, threads: int) -> dict[str, str]:
        return {
            **os.environ,
            "HOGLET_ADMIN_EMAIL": "bench@mail.example",
            "HOGLET_ADMIN_PASSWORD": "a-long-bench-password-1",
            "HOGLET_PROJECT_TOKEN": self.TOKEN,
            "HOGLET_PERSONAL_API_KEY": self.KEY,
            "HOGLET_LOG": "warn",
            "HOGLET_QUERY_THREADS": str(threads),
            "HOGLET_QUERY_SECONDS": str(QUERY_SECONDS),
            # An import fills the queue up to this size before it ingests.
            "HOGLET_QUEUE_BYTES": str(1 << 30),
        }

    def know(self, world: World) -> None:
        somebody = self.get(f"/api/projects/@current/persons/?distinct_id={world.facts['somebody']['distinct_ids'][0]}")
        self.nodes = questions.nodes(somebody["results"][0]["id"])

    def start(self, threads: int) -> float:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, started = processes.free_port(), time.perf_counter()
        command = [str(self.binary), "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir", str(self.folder)]
        log = (self.folder.parent / "hoglet.log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment(threads))
        while True:
            try:
                if self.exchange("GET", "/_ready")[0] == 200:
                    return (time.perf_counter() - started) * 1000
            except OSError:
                pass
            if self.process.poll() is not None or time.perf_counter() - started > 300:
                raise RuntimeError(f"Hoglet did not start; see {log.name}")
            time.sleep(0.005)

    def load(self, world: World) -> None:
        # The first start made the project; an import writes into the folder while no server uses it.
        self.stop()
        for noun, form in [("persons", "persons"), ("events", "capture")]:
            command = [str(self.binary), "import", noun, "--data-dir", str(self.folder), "-"]
            with world.stream(form) as stream:
                subprocess.run(command, stdin=stream, check=True, env=self.environment(2), stdout=sys.stderr)
        self.start(os.cpu_count() or 1)

    def run(self, kind: str, query: str, threads: int) -> tuple[float, list]:
        return self.send(self.nodes[query])

    def send(self, node: dict) -> tuple[float, list]:
        body = json.dumps({"query": node, "refresh": "force_blocking"})
        started = time.perf_counter()
        status, answer = self.exchange("POST", "/api/projects/@current/query/", body)
        took_ms = (time.perf_counter() - started) * 1000
        if status in (400, 404):
            raise Refused(detail(answer))
        if status != 200:
            raise Failed(f"Hoglet answered {status}: {detail(answer)}")
        return took_ms, json.loads(answer)["results"]

    def count(self) -> dict[str, int]:
        return {"hoglet": self.send({"kind": "HogQLQuery", "query": "select count() from events"})[1][0][0]}

    def sizes(self) -> dict[str, float]:
        sizes = {"hoglet": float(processes.size_bytes(self.folder / "events"))}
        for path in (self.folder / "events" / "segments").rglob("*.*"):
            part = f"  of that, {path.suffix}"
            sizes[part] = sizes.get(part, 0) + path.stat().st_size
        metadata = sum(path.stat().st_size for path in self.folder.glob("metadata*"))
        return sizes | {"Hoglet, persons and definitions": metadata}

    def get(self, path: str) -> dict:
        status, answer = self.exchange("GET", path)
        if status != 200:
            raise RuntimeError(f"Hoglet answered {status} to {path}: {detail(answer)}")
        return json.loads(answer)

    def exchange(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=QUERY_SECONDS + 60)
        try:
            headers = {"Authorization": f"Bearer {self.KEY}", "Content-Type": "application/json"}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def detail(answer: bytes) -> str:
    try:
        return json.loads(answer)["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.decode(errors="replace")[:500]
