"""Entries as CloudEvents 1.0 in structured mode: plain JSON, the exact entry last, under `data`."""

import json

from gate.export.population import Item

MEDIA_TYPE = "application/cloudevents+json"


def event(origin: str, item: Item) -> bytes:
    """Return one document; its `id` is `<origin>/<index>`, which stays the same however often it is sent."""
    said = item.said
    head = {
        "specversion": "1.0",
        "id": f"{origin}/{item.at}",
        "source": f"urn:sangate:{origin}",
        "type": f"sangate.{said['kind']}",
        "time": said["time"],
        **({"subject": said["change"]} if said["change"] else {}),
        "datacontenttype": "application/json",
        "sangateindex": item.at,
        "sangatesha256": item.sha256,
    }
    return json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()[:-1] + b',"data":' + item.body + b"}"
