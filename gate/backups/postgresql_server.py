"""
A PostgreSQL server over a restored cluster: on a socket below the scratch, for nobody else, and stopped for certain.

Command-line options win over every file (PostgreSQL 15 manual, 20.1): nothing that production has configured may make
the copy listen, archive, follow its old primary, or load a library that this host lacks. Whoever may enter the
directory may log in, and that is the rehearsing user alone.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, repeat

from gate.backups.answers import Asking, Unread, ask, output, shown, text
from gate.backups.wal import position, segment
from gate.evidence import Reply, ReplyState

SUPERUSER = "postgres"
LONGEST_SOCKET = 107
"""Characters of a socket's path (unix(7)); PostgreSQL refuses longer ones."""

PROGRAMS = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
"""Where Debian and the community's packages for Red Hat put the server of a major version."""

OPTIONS = (
    "listen_addresses=", "unix_socket_permissions=0700", "port=5432", "ssl=off",
    "archive_mode=off", "archive_command=", "primary_conninfo=", "hot_standby=off",
    "shared_preload_libraries=", "session_preload_libraries=", "local_preload_libraries=",
    "shared_buffers=128MB", "huge_pages=off", "max_connections=20", "max_prepared_transactions=200",
    "max_locks_per_transaction=256", "max_wal_size=4GB", "autovacuum=off", "fsync=off", "full_page_writes=off",
    "logging_collector=off", "log_destination=stderr", "lc_messages=C", "external_pid_file=",
)  # fmt: skip
"""Without hot_standby the copy needs no setting of production's size; without fsync it is fast, and it is removed."""

PAUSES = ("0.2", "0.3", "0.5", "1", "2", "5", "10")
LONGEST = timedelta(days=1)
"""How long the log may be read before that counts as not answered (our choice)."""

VERSION = re.compile(r"([1-9][0-9])\n")
REACHED = re.compile(r"redo done at ([0-9A-F]{1,8}/[0-9A-F]{1,8})")
SEGMENT_SIZE = re.compile(r"Bytes per WAL segment: +([0-9]{7,10})\n")
CAUSE = re.compile(r"(?:PANIC|FATAL): +(.+)")
EARLY = "recovery ended before configured recovery target was reached"
PID = re.compile(r"([1-9][0-9]{0,9})\n")
DATA = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+")


@dataclass(frozen=True)
class Server:
    """One restored cluster and what runs it."""

    data: str
    work: str
    programs: str

    @property
    def where(self) -> str:
        """How programs find it."""
        return f"-h {self.work} -p 5432 -U {SUPERUSER}"

    def program(self, name: str) -> str:
        """Return the words that run one of its own programs, speaking English."""
        return f"env LC_ALL=C {self.programs}/{name}"


def found(data: str, work: str, log: list[Reply]) -> Asking[Server]:
    """Find the programs of the cluster's major version; Unread when this host has none."""
    if len(f"{work}/.s.PGSQL.5432") > LONGEST_SOCKET:
        raise Unread(f"{work} is too long a path for a socket; give the rehearsals a shorter directory")
    version = VERSION.fullmatch(text((yield from ask(f"cat {data}/PG_VERSION", log)), "the version of the cluster"))
    if version is None:
        raise Unread("the version of the cluster is not known here; 10 and later are")
    places = [place.format(version[1]) for place in PROGRAMS]
    reply = yield from ask("stat -c %n " + " ".join(f"{place}/pg_ctl" for place in places), log)
    there = reply.stdout.decode("ascii", errors="replace").splitlines()
    programs = next((place for place in places if f"{place}/pg_ctl" in there), None)
    if programs is None:
        raise Unread(f"{reply.target} has no server of PostgreSQL {version[1]}; looked in {', '.join(places)}")
    return Server(data, work, programs)


def start(server: Server, log: list[Reply]) -> Asking[None]:
    """
    Start it and wait until it has read the log to its end and is consistent; Unread with its own reason otherwise.

    An empty configuration file, and one that lets in whoever reaches the socket, take the place of production's.
    """
    hba = f"{server.work}/hba.conf"
    allow = f'BEGIN {{ print "local all all trust" > "{hba}" }}'
    output((yield from ask(f"awk '{allow}'", log)), "preparing the server")
    files = (f"config_file=/dev/null -c hba_file={hba}", f"unix_socket_directories={server.work}")
    options = " ".join(f"-c {option}" for option in (*files, *OPTIONS))
    control = f"start -s -w -t 86400 -D {server.data} -l {server.work}/server.log -o '{options}'"
    reply = yield from ask(f"{server.program('pg_ctl')} {control}", log)
    up = reply.state is ReplyState.ANSWERED and reply.exit_status == 0 and (yield from _recovered(server, log))
    said = yield from ask(f"tail -n 200 {server.work}/server.log", log)
    words = text(said, "the server's log")
    if EARLY in words:
        raise Unread(f"starting: {EARLY}")
    if not up:
        if reply.state is not ReplyState.ANSWERED:
            output(reply, "starting")
        cause = CAUSE.search(words)
        raise Unread(f"starting: {shown(cause[1]) if cause else 'the server ended and does not say why'}")


def _recovered(server: Server, log: list[Reply]) -> Asking[bool]:
    """Wait until the log has been read to its end; False when the server ends before. Unread after `LONGEST`."""
    began = log[-1].finished_at
    asked: list[Reply] = []
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        running = yield from ask(f"{server.program('pg_ctl')} status -D {server.data}", asked)
        state = yield from ask(f"tail -n 1 {server.data}/postmaster.pid", asked)
        if running.exit_status != 0 or not state.stdout.strip():
            log.append(running)
            return False
        if state.stdout.strip() == b"ready":
            log.append(state)
            return True
        if state.finished_at - began > LONGEST:
            raise Unread(f"the log was not read to its end within {LONGEST}")
        output((yield from ask(f"sleep {pause}", asked)), "waiting for the server")
    return False


def reached(server: Server, log_stop: str, log: list[Reply]) -> Asking[None]:
    """
    Raise Unread unless the server has read into the last segment that was there.

    A segment that is missing or damaged after the backup's own end stops the reading without an error.
    """
    said = text((yield from ask(f"{server.program('pg_controldata')} {server.data}", log)), "the control file")
    size = SEGMENT_SIZE.search(said)
    words = text((yield from ask(f"grep -F redo {server.work}/server.log", log)), "how far the log was read")
    done = REACHED.findall(words)
    if size is None or not done:
        raise Unread(f"how far the log was read: the server tells {shown(words)}")
    number = position(done[-1], "how far the log was read") // int(size[1])
    if number < segment(log_stop, int(size[1])).number:
        raise Unread(f"the log was read up to {done[-1]} only, and not into its last segment {log_stop}")


def stop(server: Server, log: list[Reply]) -> Asking[None]:
    """End it cleanly, so that its files can be examined."""
    output((yield from ask(f"{server.program('pg_ctl')} stop -s -w -t 600 -m fast -D {server.data}", log)), "stopping")


def halt(place: str, log: list[Reply]) -> Asking[None]:
    """
    Stop every server whose data lie below `place`, and nothing else.

    A server stands in its data directory; a process that merely has the number in an old pid file does not.
    """
    listed = yield from ask(f"find {place} -mindepth 1 -maxdepth 4 -name postmaster.pid", log)
    for file in text(listed, "looking for servers").splitlines():
        data = file.removesuffix("/postmaster.pid")
        if not f"{data}/".startswith(f"{place}/") or not DATA.fullmatch(data):
            raise Unread(f"looking for servers: {shown(file)} was answered")
        first = PID.match(text((yield from ask(f"cat {file}", log)), "the number of a server"))
        if first is None:
            continue
        stands = yield from ask(f"readlink /proc/{first[1]}/cwd", log)
        if stands.exit_status is None:
            raise Unread(f"it is not known whether a server runs in {data}: {stands.problem or 'no exit status'}")
        if stands.stdout.decode("utf-8", errors="replace") != f"{data}\n":
            continue
        runs = text((yield from ask(f"readlink /proc/{first[1]}/exe", log)), "the server's program").removesuffix("\n")
        if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+/postgres", runs):
            raise Unread(f"{shown(runs)} runs in {data} and is no server of PostgreSQL")
        control = f"{runs.removesuffix('postgres')}pg_ctl stop -s -w -t 60 -m immediate -D {data}"
        output((yield from ask(f"env LC_ALL=C {control}", log)), f"stopping what was left running in {data}")
