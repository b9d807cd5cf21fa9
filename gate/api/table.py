"""The table of the API: every route with its words, its body, its answer. Nothing else defines one."""

from base64 import b64encode

from gate.api import bodies
from gate.api.call import Answer, Call, Handler, Route
from gate.canonical import digest, utc
from gate.control.views import View
from gate.export.selection import selection
from gate.person import Person

JSON_LINES = "application/jsonl"
ZIP = "application/zip"
CAST = "application/x-asciicast"


def _change(view: View) -> Answer:
    return Answer(view, headers={"ETag": f'"{view["seq"]}"'})


def person_view(person: Person) -> View:
    """Return who somebody is, with nothing secret."""
    return {
        "id": person.id,
        "roles": sorted(person.roles),
        "seats": sorted(person.seats),
        "contractor": person.contractor,
        "keys": list(person.keys),
    }


def _login(call: Call) -> Answer:
    ticket = call.control.sign_in(call.body.name, call.body.password, "token")
    return Answer({"token": ticket.secret, "expires": utc(ticket.expires), "person": person_view(ticket.person)})


def _logout(call: Call) -> Answer:
    call.control.sign_out(call.secret)
    return Answer({"signed_out": True})


def _open(call: Call) -> Answer:
    view = call.control.open(call.actor, call.raw, call.query.source)
    headers = {"ETag": f'"{view["seq"]}"', "Location": f"/api/v1/changes/{view['id']}"}
    return Answer(view, headers=headers)


def _statement(call: Call) -> Answer:
    text = call.control.statement(call.actor, call.path["id"], call.query.seat, call.query.decision)
    return Answer({"statement": text, "namespace": "approval@sangate"})


def _approve(call: Call) -> Answer:
    return _change(call.control.approve(call.actor, call.path["id"], **call.body.model_dump()))


def _deny(call: Call) -> Answer:
    return _change(call.control.deny(call.actor, call.path["id"], **call.body.model_dump()))


def _waiver(call: Call) -> Answer:
    asked = call.query
    text = call.control.waiver(call.actor, call.path["id"], asked.check, asked.seat, asked.reason, asked.expires)
    return Answer({"statement": text, "namespace": "waiver@sangate"})


def _waive(call: Call) -> Answer:
    return _change(call.control.waive(call.actor, call.path["id"], **call.body.model_dump()))


def _confirmation(call: Call) -> Answer:
    text = call.control.confirmation(call.actor, call.path["id"], call.query.word, call.query.by)
    return Answer({"statement": text, "namespace": "attended@sangate"})


def _confirm(call: Call) -> Answer:
    return _change(call.control.confirm(call.actor, call.path["id"], **call.body.model_dump()))


def _go_statement(call: Call) -> Answer:
    text = call.control.go_statement(call.actor, call.path["id"])
    return Answer({"statement": text, "namespace": "escort@sangate"})


def _go(call: Call) -> Answer:
    return _change(call.control.go(call.actor, call.path["id"], **call.body.model_dump()))


def _transcript(call: Call) -> Answer:
    return Answer(content=call.control.recording(call.actor, call.path["id"]))


def _pack(call: Call) -> Answer:
    content = call.control.pack(call.actor, call.path["id"], disclose=call.query.disclose)
    name = f'attachment; filename="{call.path["id"]}.zip"'
    return Answer(content=content, headers={"Content-Disposition": name})


def _export(call: Call) -> Answer:
    asked = call.query
    taken = selection(asked.since, asked.until, asked.change, asked.kind, asked.actor)
    leaving = call.control.export(call.actor, asked.format, taken, disclose=asked.disclose)
    headers = {
        "Content-Disposition": f'attachment; filename="{leaving.name}"',
        "Content-Type": leaving.media_type,
        "Sangate-Size": str(leaving.end),
        "Sangate-Checkpoint": b64encode(leaving.head.encode()).decode(),
    }
    return Answer(content=leaving.chunks, headers=headers)


def _entries(call: Call) -> Answer:
    page = call.query
    return Answer(call.control.entries(call.actor, change=page.change, start=page.start, limit=page.limit))


def _wait(call: Call) -> Answer:
    moved = call.control.wait(call.query.size, float(call.query.timeout))
    return Answer({"moved": moved, "size": call.control.size()})


def _inventory(call: Call) -> Answer:
    inventory = call.settings.config.inventory.model_dump(mode="json")
    policy = call.settings.policy_digest
    return Answer({"inventory": inventory, "inventory_digest": digest(inventory), "policy_digest": policy})


def _key(call: Call) -> Answer:
    return Answer({"fingerprint": call.control.enrol_key(call.actor, call.body.public, call.body.password)})


def _revoke(call: Call) -> Answer:
    asked = call.body
    return Answer(
        call.control.revoke_key(call.actor, asked.fingerprint, asked.reason, leaves_nobody=asked.leaves_nobody)
    )


def _try(call: Call) -> Answer:
    asked = call.body
    text, before = asked.playbook.encode(), asked.from_version or ""
    return Answer(call.control.try_playbook(call.actor, text, asked.source, asked.array, asked.version, before))


def _plainly(verb: str) -> Handler:
    """Return the handler of a verb that needs a change and nothing else."""

    def handler(call: Call) -> Answer:
        return _change(getattr(call.control, verb)(call.actor, call.path["id"]))

    return handler


def _because(verb: str) -> Handler:
    """Return the handler of a verb that needs a change and a reason."""

    def handler(call: Call) -> Answer:
        return _change(getattr(call.control, verb)(call.actor, call.path["id"], call.body.reason))

    return handler


def _resume(call: Call) -> Answer:
    seen = (call.body.hold, call.body.question)
    return _change(call.control.resume(call.actor, call.path["id"], call.body.reason, seen))


def _back_out(call: Call) -> Answer:
    body = call.body
    return _change(call.control.back_out(call.actor, call.path["id"], body.reason, body.question))


def _about(verb: str) -> Handler:
    """Return the handler of a verb that needs a dataset."""

    def handler(call: Call) -> Answer:
        return Answer(getattr(call.control, verb)(call.actor, call.path["id"]))

    return handler


def _pushed(call: Call) -> Answer:
    return Answer(call.control.report(call.actor, **call.body.model_dump()))


ONE = "/changes/{id}"
ROUTES: tuple[Route, ...] = (
    Route("login", "POST", "/login", "Sign in; the answer's token goes into `Authorization: Bearer`.",
          _login, "Token", body=bodies.Login, open=True),
    Route("logout", "POST", "/logout", "End this token.", _logout, "SignedOut", body=bodies.Nothing),
    Route("me", "GET", "/me", "Who this token stands for.", lambda call: Answer(person_view(call.actor)), "Person"),
    Route("list-changes", "GET", "/changes", "Every change, the newest first.",
          lambda call: Answer(call.control.rows(call.actor)), "Rows"),
    Route("open-change", "POST", "/changes", "Open a change from a change file, YAML or JSON.",
          _open, "Change", query=bodies.Source, status=201, document=True),
    Route("show-change", "GET", ONE, "One change as you see it.", _plainly("show"), "Change"),
    Route("check-change", "POST", ONE + "/check", "Gather evidence, seal the plan, decide.",
          _plainly("check"), "Change", body=bodies.Nothing),
    Route("dry-run-change", "POST", ONE + "/dry-run", "Ask what the sealed plan asks; nothing is changed.",
          _plainly("dry_run"), "Change", body=bodies.Nothing),
    Route("dry-run-playbook", "POST", "/playbooks/dry-run", "Ask one array what a playbook asks; nothing is changed.",
          _try, "DryRun", body=bodies.ToTry),
    Route("statement", "GET", ONE + "/statement", "The exact text to sign.",
          _statement, "Statement", query=bodies.ToSign),
    Route("approve-change", "POST", ONE + "/approve", "Fill a seat with a signed statement.",
          _approve, "Change", body=bodies.Decided, decides=True),
    Route("deny-change", "POST", ONE + "/deny", "Say no from a seat; the change ends.",
          _deny, "Change", body=bodies.Denied, decides=True),
    Route("waiver", "GET", ONE + "/waiver", "The exact text of a waiver to sign.",
          _waiver, "Statement", query=bodies.ToWaive),
    Route("waive-finding", "POST", ONE + "/waive", "Sign one half of a waiver of one finding.",
          _waive, "Change", body=bodies.Waived, decides=True),
    Route("confirmation", "GET", ONE + "/confirmation", "The exact text to sign of a step that is done by hand.",
          _confirmation, "Statement", query=bodies.ToConfirm),
    Route("confirm-step", "POST", ONE + "/confirm", "Confirm that a step is done by hand, or that you saw it.",
          _confirm, "Change", body=bodies.Given, decides=True),
    Route("go-statement", "GET", ONE + "/escort", "The exact text of a go to sign, for the step that waits for one.",
          _go_statement, "Statement"),
    Route("say-go", "POST", ONE + "/escort/go", "Say go to the contractor's step that waits for it.",
          _go, "Change", body=bodies.Went, decides=True),
    Route("stop-contractor", "POST", ONE + "/escort/stop", "Stop a contractor at once: no step, no door, no permit.",
          _because("stop"), "Change", body=bodies.Because, decides=True),
    Route("start-change", "POST", ONE + "/start", "Ask again and start the canary stage.",
          _plainly("start"), "Change", body=bodies.Nothing, decides=True),
    Route("hold-change", "POST", ONE + "/hold", "Stop at the next step boundary.",
          _because("hold"), "Change", body=bodies.Because, decides=True),
    Route("resume-change", "POST", ONE + "/resume", "Lift a hold, or answer a question with: again.",
          _resume, "Change", body=bodies.Resumed, decides=True),
    Route("back-out-change", "POST", ONE + "/back-out", "Take the canary back.",
          _back_out, "Change", body=bodies.BackedOut, decides=True),
    Route("withdraw-change", "POST", ONE + "/withdraw", "Take the change back before anything has begun.",
          _because("withdraw"), "Change", body=bodies.Because, decides=True),
    Route("transcript", "GET", ONE + "/transcript", "What was sent to the canary and what came back, as an asciicast.",
          _transcript, "", media_type=CAST),
    Route("pack", "GET", ONE + "/pack", "The evidence pack, to be verified offline.", _pack, "",
          query=bodies.Disclosing, media_type=ZIP),
    Route("list-entries", "GET", "/entries", "Entries of the ledger.", _entries, "Entries", query=bodies.Page),
    Route("export", "GET", "/export", "The ledger in a format, whole or filtered; `jsonl` of all is the exact bytes.",
          _export, "", query=bodies.Export, media_type=JSON_LINES),
    Route("seal", "GET", "/seal", "Size, root and signed checkpoint of the ledger.",
          lambda call: Answer(call.control.seal()), "Seal"),
    Route("controls", "GET", "/controls", "Each control with the entries that evidence it in a period.",
          lambda call: Answer(call.control.controls(call.actor, call.query.since, call.query.until)), "Controls",
          query=bodies.Period),
    Route("list-sinks", "GET", "/sinks", "Where the ledger is sent on, and how far behind each is.",
          lambda call: Answer(call.control.sinks(call.actor)), "Sinks"),
    Route("list-datasets", "GET", "/datasets", "What is known of each dataset and its backups.",
          lambda call: Answer(call.control.datasets(call.actor)), "Datasets"),
    Route("record-reference", "POST", "/datasets/{id}/reference", "Record what production holds now, table by table.",
          _about("reference"), "Evidence", body=bodies.Nothing),
    Route("rehearse", "POST", "/datasets/{id}/rehearse", "Restore the newest backup for proof and compare it.",
          _about("rehearse"), "Evidence", body=bodies.Nothing),
    Route("list-arrays", "GET", "/arrays", "Every array with the worst that is known of the data on it.",
          lambda call: Answer(call.control.arrays(call.actor)), "Arrays"),
    Route("show-array", "GET", "/arrays/{id}", "How safe the data on one array are: isolation, thirty days, coverage.",
          _about("safety"), "Array"),
    Route("gather", "POST", "/evidence", "Gather everything about some arrays, or all, now.",
          lambda call: Answer(call.control.survey(call.actor, call.body.arrays)), "Survey", body=bodies.Survey),
    Route("push-report", "POST", "/reports", "Push signed evidence about a protection.",
          _pushed, "Evidence", body=bodies.Pushed),
    Route("rebuild", "POST", "/rebuild", "Make the lists again from the ledger.",
          lambda call: Answer({"changes": call.control.rebuild(call.actor)}), "Rebuilt", body=bodies.Nothing),
    Route("enrol-key", "POST", "/keys", "Enrol a public key with which you sign.",
          _key, "Fingerprint", body=bodies.Key),
    Route("list-keys", "GET", "/keys", "Every key that people sign or signed with, and whether it counts now.",
          lambda call: Answer(call.control.enrolled_keys(call.actor)), "EnrolledKeys"),
    Route("revoke-key", "POST", "/keys/revoked", "Take a key away for good: your own, or as an administrator.",
          _revoke, "Revoked", body=bodies.RevokedKey),
    Route("wait", "GET", "/wait", "Wait for the next entry.", _wait, "Waited", query=bodies.Until),
    Route("inventory", "GET", "/inventory", "The inventory the gate decides by.", _inventory, "Inventory"),
)  # fmt: skip
