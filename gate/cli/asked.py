"""The change file that the demo's people write."""

CHANGE_FILE = """\
title: {title}
reason: {reason}
kind: firmware
family: storage-virtualize
image:
  file: {file}
  version: {version}
  sha256: {sha256}
targets: [{targets}]
playbook: storage-virtualize/upgrade
window:
  opens: {opens}
  closes: {closes}
restore_plan:
  tiers:
    - {{items: [sidekick/contacts, sidekick/calendar], rto: 1h}}
    - {{items: [sidekick/notes, sidekick/tasks], rto: 2h}}
    - {{items: [sidekick/photographs, sidekick/scores], rto: 4h}}
  tools: [restore-desk]
"""
