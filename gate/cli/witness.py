"""`sangate witness`: the second memory, for a host that is not the gate's."""

import threading
from pathlib import Path

import click

LISTEN = click.Path(path_type=Path)


@click.command()
@click.option("--listen", default="127.0.0.1:8421", show_default=True, metavar="HOST:PORT", help="Where to answer.")
@click.option("--data", type=LISTEN, required=True, help="Folder of its key and its memory; not the gate's.")
@click.option("--config", type=LISTEN, help="File with the logs it knows, a line each: log VKEY. [DATA/logs]")
@click.option("--name", default="", help="What it is called, for good: witness.example.com/backup-team.")
def witness(listen: str, data: Path, config: Path | None, name: str) -> None:
    """Cosign the checkpoints of ledgers that grow, and never forget one.

    Run it on another host than the gate, under another administrator. It needs nothing of the gate's but the line
    of its public key.
    """
    from gate.errors import BadInput
    from gate.witness.server import open_witness, serve

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise BadInput(f'"{listen}" is not HOST:PORT', hint="such as 0.0.0.0:8421")
    cosigner, memory = open_witness(data, config, name)

    def started(host: str, port: int, vkey: str) -> None:
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        click.echo(f"witness listens on http://{shown}")
        click.echo(f"its key: {vkey}")

    try:
        serve(cosigner, host.strip("[]"), int(port), threading.Event(), started)
    finally:
        memory.close()
