"""How many requests `convsmith serve` answers, how long they take, and whether its memory stays flat.

`python bench/serve.py NETWORK PHOTO... [--seconds 20] [--clients 1,8,64] [--rest 600]` starts the server in
a process of its own and asks it from this one, each client over one connection, one image a request. One
request in ten is a bad one: no image, another type, a damaged form, too many bytes. Printed are, by number of
clients, requests a second, the median and 99th percentile of the good ones' seconds, the statuses (0: the
server closed the connection), and the memory of the server and its decoders; `--results FILE` keeps them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx

BAD = (
    {"content": b"hello"},
    {"json": {"a": 1}},
    {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}},
    {"content": bytes(10_000_001)},
)
"""Requests that are refused: 422, 415, 422, 413."""


def memory(pid: int) -> float:
    """Megabytes that a process and what it started hold."""
    total, pids = 0.0, [pid]
    while pids:
        one = pids.pop()
        try:
            total += int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text())[1]) / 1000
            tasks = Path(f"/proc/{one}/task")
            pids += [
                int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()
            ]
        except (OSError, TypeError):
            continue
    return round(total, 1)


async def client(
    address: str, photos: list[bytes], until: float, number: int, found: dict[str, list]
) -> None:
    """One connection: a request, its answer, the next request."""
    async with httpx.AsyncClient(base_url=address, timeout=120) as http:
        for k in range(number, sys.maxsize):
            if time.perf_counter() >= until:
                return
            is_bad = k % 10 == 9
            asked = BAD[k // 10 % len(BAD)] if is_bad else {"content": photos[k % len(photos)]}
            began = time.perf_counter()
            try:
                status = (await http.post("/predict", **asked)).status_code
            except httpx.TransportError:  # the server closes while a body that is too large is still sent
                status = 0
            found["statuses"].append(status)
            if not is_bad and status == 200:
                found["seconds"].append(time.perf_counter() - began)


async def load(address: str, photos: list[bytes], clients: int, seconds: float) -> dict[str, object]:
    """So many clients for so many seconds."""
    found: dict[str, list] = {"seconds": [], "statuses": []}
    until = time.perf_counter() + seconds
    await asyncio.gather(*(client(address, photos, until, 3 * k, found) for k in range(clients)))
    taken = sorted(found["seconds"])
    at = lambda share: round(1000 * taken[min(len(taken) - 1, int(share * len(taken)))], 1)  # noqa: E731
    return {
        "clients": clients,
        "requests_per_second": round(len(found["statuses"]) / seconds, 1),
        "images_per_second": round(len(taken) / seconds, 1),
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "statuses": dict(Counter(found["statuses"])),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("network")
    options.add_argument("photos", nargs="+", type=Path)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--clients", default="1,8,64")
    options.add_argument("--rest", type=float, default=0, help="seconds more with 8 clients, for the memory")
    options.add_argument("--server", default="", help="options of convsmith serve")
    options.add_argument("--results", type=Path)
    given = options.parse_args()
    photos = [path.read_bytes() for path in given.photos]
    process = subprocess.Popen(
        [sys.executable, "-m", "convsmith", "serve", given.network, "--port", "0", *given.server.split()],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        address = re.search(r"http://[\d.]+:\d+", process.stdout.readline())[0]
        asyncio.run(load(address, photos, 1, 2))  # decoders start, memory is asked for
        rows, held = [], [memory(process.pid)]
        for clients in map(int, given.clients.split(",")):
            rows.append(asyncio.run(load(address, photos, clients, given.seconds)))
            held.append(memory(process.pid))
            print(rows[-1], f"{held[-1]} MB", flush=True)
        for _ in range(int(given.rest // 60)):
            asyncio.run(load(address, photos, 8, 60))
            held.append(memory(process.pid))
            print(f"{held[-1]} MB", flush=True)
    finally:
        process.terminate()
        print("exit code", process.wait(60))
    if given.results:
        given.results.write_text(json.dumps({"rows": rows, "megabytes": held}, indent=1) + "\n")


if __name__ == "__main__":
    main()
