"""Runs the sandbox: `python -m majung_sandbox --port 8790 [--host 127.0.0.1] [--state FILE.sqlite]`."""

import argparse
import asyncio
import gc
import os
import signal

import uvloop

from majung_sandbox.accounts import Account
from majung_sandbox.app import App
from majung_sandbox.clock import Clock
from majung_sandbox.http import Connection
from majung_sandbox.mail import MailServer
from majung_sandbox.sandbox import Sandbox
from majung_sandbox.state import State

SAVE_SECONDS = 0.5


async def serve(host: str, port: int, state_path: str | None, mail_port: int | None = None) -> None:
    """Run until SIGINT or SIGTERM; prints one line with the address once it listens."""
    sandbox = Sandbox(Clock.from_environment(), State(state_path))
    mail = MailServer(sandbox.mail)
    if mail_port is not None:
        sandbox.mail_port = await mail.listen(host, mail_port)
    sandbox.load()
    key, secret = os.environ.get("MAJUNG_SANDBOX_KEY"), os.environ.get("MAJUNG_SANDBOX_SECRET")
    if key and secret:
        account = sandbox.accounts.get(key) or Account(key, secret, any_sender=True)
        account.secret = secret
        sandbox.accounts.add(account)
    app = App(sandbox)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    connections: set[Connection] = set()
    server = await loop.create_server(lambda: Connection(app, sandbox.clock.machine_seconds, connections), host, port)
    port = server.sockets[0].getsockname()[1]
    print(f"majung sandbox listens on http://{host}:{port}", flush=True)  # noqa: T201  the caller waits for this line
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), SAVE_SECONDS)
        except TimeoutError:
            sandbox.save()
    server.close()
    for connection in list(connections):
        connection.close()
    await mail.close()
    await sandbox.outbox.close()
    sandbox.save()
    sandbox.state.close()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="majung_sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--mail-port", type=int, help="also take letters over SMTP there (0: a free port)")
    parser.add_argument("--state", help="SQLite file that keeps channels, phones and visible messages")
    args = parser.parse_args()
    # Batches are arrays and live long; a generation of them need not be walked again and again.
    gc.set_threshold(50_000, 20, 100)
    uvloop.run(serve(args.host, args.port, args.state, args.mail_port))


if __name__ == "__main__":
    main()
