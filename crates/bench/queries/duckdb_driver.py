"""Runs DuckDB in a process of its own, so that its memory can be told apart: `duckdb_driver.py FILE`, a JSON request per line.

The time is taken around the query and the fetching of its rows.
"""

import json
import sys
import time

import duckdb


def main(file: str) -> None:
    connection = duckdb.connect(file)
    print("{}", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "threads" in request:
                connection.execute(f"SET threads = {int(request['threads'])}")
            started = time.perf_counter()
            rows = connection.execute(request["sql"]).fetchall()
            answer = {"ms": (time.perf_counter() - started) * 1000, "rows": rows}
        except duckdb.Error as error:
            answer = {"error": str(error)}
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
