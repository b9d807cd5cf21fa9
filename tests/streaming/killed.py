"""Sends a ledger on until it is killed: started by test_runner.py, with the ledger's folder and the receiver's port."""

import sys
import threading
from pathlib import Path

from gate.sink import LogFile, Webhook
from gate.store import keys
from gate.store.sqlite import open_ledger
from gate.streaming.cursors import Cursors
from gate.streaming.delivery import Delivery
from gate.streaming.logfile import FileDelivery
from gate.streaming.runner import Streaming
from gate.streaming.webhook import WebhookDelivery
from tests.export.conftest import ORIGIN
from tests.streaming.conftest import SECRET, wall

folder, port = Path(sys.argv[1]), sys.argv[2]
ledger = open_ledger(folder / "ledger.db", signer=keys.load(folder / "ledger.key", ORIGIN), clock=wall)
hook = {"kind": "webhook", "name": "hook", "url": f"http://127.0.0.1:{port}/", "signed_with": "x"}
file = {"kind": "file", "name": "file", "path": "sent.jsonl"}
ways: dict[str, Delivery] = {
    "hook": WebhookDelivery(Webhook.model_validate(hook), ORIGIN, SECRET, None, wall),
    "file": FileDelivery(LogFile.model_validate(file), folder),
}
Streaming(ledger, Cursors(folder / "sinks.db", ORIGIN), ways, wall).start()
print("started", flush=True)
threading.Event().wait()
