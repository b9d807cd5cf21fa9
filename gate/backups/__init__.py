"""Per backup tool: which questions prove a backup, and what the answers say. Pure: generators yield commands."""

from gate.backups import (
    barman,
    borg,
    file_manifest,
    files_engine,
    oracle_rman,
    pgbackrest,
    postgresql,
    restic,
    s3_objects,
    sqlite_copy,
    sqlite_engine,
    zfs_snapshot,
)
from gate.backups.examiner import Examiner
from gate.backups.tool import Tool
from gate.inventory import BackupTool, Engine

TOOLS: dict[BackupTool, Tool] = {
    BackupTool.SQLITE_COPY: sqlite_copy.TOOL,
    BackupTool.RESTIC: restic.TOOL,
    BackupTool.BORG: borg.TOOL,
    BackupTool.PGBACKREST: pgbackrest.TOOL,
    BackupTool.BARMAN: barman.TOOL,
    BackupTool.FILE_MANIFEST: file_manifest.TOOL,
    BackupTool.S3_OBJECTS: s3_objects.TOOL,
    BackupTool.ZFS_SNAPSHOT: zfs_snapshot.TOOL,
    BackupTool.ORACLE_RMAN: oracle_rman.TOOL,
}
"""Every backup tool that the gate can ask; one that is missing here leaves its protections unknown."""

EXAMINERS: dict[Engine, Examiner] = {
    Engine.SQLITE: sqlite_engine.EXAMINER,
    Engine.FILES: files_engine.EXAMINER,
    Engine.POSTGRESQL: postgresql.EXAMINER,
}
"""Every engine that can open a restored copy."""
