"""The webhook on a real receiver: signed, in order, again after a failure, never past a time limit."""

import base64
import hmac
import json
from hashlib import sha256
from pathlib import Path

import pytest

from gate.errors import BadInput, Outside
from gate.export.population import Item, read_item
from gate.sink import Webhook
from gate.store.sqlite import SqliteLedger
from gate.streaming.webhook import WebhookDelivery, read_secret
from tests.streaming.conftest import SECRET, Receiver, certificate, serving, wall


def delivery(receiver: Receiver, url: str = "", *, timeout: str = "60s", ca: Path | None = None) -> WebhookDelivery:
    where = url or f"http://127.0.0.1:{receiver.port}/hook?a=1"
    sink = Webhook.model_validate(
        {"kind": "webhook", "name": "x", "url": where, "signed_with": "hook", "timeout": timeout}
    )
    return WebhookDelivery(sink, "gate.example.com/ledger/1", SECRET, ca, wall)


def items(ledger: SqliteLedger) -> list[Item]:
    return [read_item(index, body) for index, body in enumerate(ledger.bodies())]


def test_each_entry_arrives_once_in_order_signed_as_the_standard_says(ledger: SqliteLedger, receiver: Receiver) -> None:
    way = delivery(receiver)
    way.deliver(items(ledger))
    way.close()
    assert [json.loads(body)["sangateindex"] for _, body in receiver.taken] == list(range(12))
    for index, (headers, body) in enumerate(receiver.taken):
        assert headers["webhook-id"] == f"gate.example.com/ledger/1/{index}" == json.loads(body)["id"]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.new(SECRET, signed, sha256).digest()).decode()
        assert headers["webhook-signature"] == expected
        assert headers["content-type"] == "application/cloudevents+json"


@pytest.mark.parametrize("status", [301, 302, 400, 410, 429, 500, 503])
def test_nothing_but_2xx_is_delivery_and_no_redirect_is_followed(
    ledger: SqliteLedger, receiver: Receiver, status: int
) -> None:
    receiver.answers = [204, status]
    way = delivery(receiver)
    with pytest.raises(Outside, match=f"answered {status} to entry 1"):
        way.deliver(items(ledger))
    assert len(receiver.taken) == 1
    way.deliver(items(ledger)[1:])
    way.close()
    assert len(receiver.taken) == 12


def test_a_receiver_that_hangs_is_left_after_its_time(ledger: SqliteLedger, receiver: Receiver) -> None:
    receiver.hanging.set()
    way = delivery(receiver, timeout="1s")
    with pytest.raises(Outside, match="cannot be reached"):
        way.deliver(items(ledger))
    assert not receiver.released.is_set()  # it was the time that ran out


def test_a_certificate_that_is_not_the_receivers_is_refused(ledger: SqliteLedger, tmp_path: Path) -> None:
    public, both = certificate(tmp_path, "localhost")
    other, _ = certificate(tmp_path, "other.example")
    receiver = Receiver(serving(both))
    try:
        for url, ca in (
            (f"https://localhost:{receiver.port}/", other),
            (f"https://127.0.0.1:{receiver.port}/", public),
        ):
            with pytest.raises(Outside, match="its certificate is not accepted"):
                delivery(receiver, url, ca=ca).deliver(items(ledger))
        assert receiver.taken == []
        way = delivery(receiver, f"https://localhost:{receiver.port}/", ca=public)
        way.deliver(items(ledger))
        way.close()
        assert len(receiver.taken) == 12
    finally:
        receiver.close()


@pytest.mark.parametrize("host", ["siem.example", "127.evil.example", "localhost.evil.example:80", "127.0.0.1@x"])
def test_the_record_goes_over_plain_http_to_this_machine_only(host: str) -> None:
    with pytest.raises(ValueError, match=r"plain HTTP to this machine only|should match pattern"):
        Webhook.model_validate({"kind": "webhook", "name": "x", "url": f"http://{host}/x", "signed_with": "hook"})


def test_a_secret_is_long_and_for_the_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "hook"
    file.write_text("whsec_" + base64.b64encode(SECRET).decode() + "\n")
    file.chmod(0o600)
    assert read_secret(file) == SECRET
    file.chmod(0o640)
    with pytest.raises(BadInput, match="may be read or written by others"):
        read_secret(file)
    file.chmod(0o600)
    for text in ("c2hvcnQ=", "not base64!", ""):
        file.write_text(text)
        with pytest.raises(BadInput, match="24 to 64 bytes"):
            read_secret(file)
    with pytest.raises(BadInput, match="cannot be read"):
        read_secret(tmp_path / "none")
