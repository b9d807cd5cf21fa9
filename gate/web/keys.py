"""The keys with which people sign: everybody's, one more of one's own, and the one that is taken away."""

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask import redirect as lead
from werkzeug.wrappers import Response as Answer

from gate.control.views import View
from gate.errors import BadInput, GateError, Refused
from gate.person import Role
from gate.web.face import face, field
from gate.web.session import person

PUBLIC_MOST = 1024
"""Characters of a public key's line."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.add_url_rule("/keys", "keys", keys)
    pages.add_url_rule("/keys", "key_enrol", enrol, methods=["POST"])
    pages.add_url_rule("/keys/revoked", "key_revoke", revoke, methods=["POST"])


def keys() -> Response:
    """Show every key, one's own first."""
    return _page(200)


def enrol() -> Answer:
    """Enrol one more key of whoever is signed in; the password is asked for again."""
    public, actor = field("public", PUBLIC_MOST), person()
    try:
        face().control.enrol_key(actor, public, request.form.get("password", "")[:1024])
    except (BadInput, Refused) as error:
        return _page(error.status, "enrol", error, public)
    return lead(url_for("pages.keys", _anchor="own"), 303)


def revoke() -> Answer:
    """Take a key away; whoever takes away their own has to sign in again."""
    actor, key, reason = person(), field("key", 60), field("reason")
    said = request.form.get("leaves_nobody") == "yes"
    try:
        face().control.revoke_key(actor, key, reason, leaves_nobody=said)
    except BadInput as error:
        return _page(error.status, key, error, reason)
    return lead(url_for("pages.keys"), 303)


def _page(status: int, at: str = "", problem: GateError | None = None, typed: str = "") -> Response:
    """Show the page; `at` is the form in which there is a problem: `enrol`, or the key."""
    actor = person()
    found = face().control.enrolled_keys(actor)
    own, others = [one for one in found if _own(one)], [one for one in found if not _own(one)]
    may_all = Role.ADMIN in actor.roles and not actor.contractor
    told = {"at": at, "problem": problem, "typed": typed, "may_all": may_all, "signs": not actor.contractor}
    return make_response(render_template("keys.html", own=own, others=others, **told), status)


def _own(one: View) -> bool:
    return bool(one["person"] == person().id)
