"""From log to store: read, sketch, keep. Interrupted, it goes on where the journal ends."""

from __future__ import annotations
