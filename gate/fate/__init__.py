"""
Everything through which a dataset and a copy of it could be lost at once: one row a dimension, as a person would ask.

Pure comparison; what a row weighs is for the checks. "Same" follows from any evidence; what nobody measured or
declared is `unknown`, never `different` (backup-evidence 2.3). A rule decides without words, since fleets are decided
by it; a row tells what the rule found.
"""
