"""The JSON face, /api/v1: bearer tokens, problem+json, idempotency keys, and a description made from its own table."""
