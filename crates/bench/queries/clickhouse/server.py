"""A ClickHouse server out of the library that its npm package holds: `server.py LIBRARY FOLDER HTTP_PORT`. Ends with SIGTERM.

`clickhouse-local` opens ClickHouse's own HTTP server when asked by SQL, and the library exports the whole of clickhouse-local.
"""

import ctypes
import sys


class Result(ctypes.Structure):
    _fields_ = [
        ("buffer", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("vector", ctypes.c_void_p),
        ("elapsed", ctypes.c_double),
        ("rows", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("error", ctypes.c_char_p),
    ]


SERVE_FOR_EVER = (
    "SYSTEM START LISTEN HTTP; SELECT sleepEachRow(1) FROM system.numbers FORMAT Null "
    "SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0"
)


def main(library: str, folder: str, port: str) -> int:
    loaded = ctypes.CDLL(library)
    run = loaded.query_stable_v2
    run.restype = ctypes.POINTER(Result)
    run.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    arguments = ["clickhouse-local", f"--path={folder}", "--listen_host=127.0.0.1", f"--http_port={port}", "--query", SERVE_FOR_EVER]
    encoded = (ctypes.c_char_p * len(arguments))(*[argument.encode() for argument in arguments])
    error = run(len(arguments), encoded).contents.error
    print(f"ClickHouse ended: {error.decode() if error else 'without an error'}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
