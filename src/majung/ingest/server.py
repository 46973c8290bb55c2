"""The inlet's process: ``python -m majung.ingest.server``. Without Django; several may listen on one port.

Environment: as ``majung.settings`` says. SIGTERM and SIGINT end it after what has come is stored and answered.
"""

import argparse
import asyncio
import gc
import logging
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import uvloop

from majung import settings
from majung.core import logs
from majung.core.sealing import Sealer, sealer_at
from majung.ingest.http import Call
from majung.ingest.inlet import MOST_CONNECTIONS, Inlet

log = logging.getLogger(__name__)

SPARE_FILES = 64
SWEEP_SECONDS = 1.0
FAREWELL_SECONDS = 5.0
BACKLOG = 1024


async def serve(url: str, sealer: Sealer, host: str, port: int, stop: asyncio.Event) -> None:
    """Listen until ``stop``; then no new call is taken, and those that are here are stored and answered."""
    loop = asyncio.get_running_loop()
    inlet = Inlet(url, sealer, _most_connections(), settings.METRICS_TOKEN)
    writing = loop.create_task(inlet.writer.run())
    server = await loop.create_server(lambda: Call(inlet), host, port, backlog=BACKLOG, reuse_port=True)
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), SWEEP_SECONDS)
        inlet.sweep()
    server.close()
    for call in list(inlet.calls):
        call.end_soon()
    inlet.writer.stop()
    await writing
    await inlet.settle()
    deadline = loop.time() + FAREWELL_SECONDS
    while inlet.calls and loop.time() < deadline:
        await asyncio.sleep(0.05)
        inlet.sweep()


def _most_connections() -> int:
    """As many as there may be open files, up to MOST_CONNECTIONS."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = (
        MOST_CONNECTIONS + SPARE_FILES if most == resource.RLIM_INFINITY else min(most, MOST_CONNECTIONS + SPARE_FILES)
    )
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0]), most))
    return wanted - SPARE_FILES


async def _run(url: str, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(url, sealer_at(settings.VAULT_KEY), host, port, stop)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until asked to end."""
    parser = argparse.ArgumentParser(prog="majung.ingest.server", description="Takes in webhooks.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    asked = parser.parse_args(arguments)
    logs.configure(settings.LOG_LEVEL, settings.LOG_FORMAT)
    url = settings.database_url()
    if not url:
        log.error("no database: start 'majung up', or set DATABASE_URL")
        return 2
    # What is loaded now lives as long as the process, and calls leave no cycles.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvloop.run(_run(url, asked.host, asked.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
