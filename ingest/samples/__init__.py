"""What Cal.com sends, made to order: one sample per trigger and version, and whole stories. No HTTP, no signing."""

from ingest.samples.changes import Changes, Someone, changes_from
from ingest.samples.samples import TRIGGERS_WITH_SAMPLES, fresh_uid, sample
from ingest.samples.stories import STORIES, Chapter, story

__all__ = [
    "STORIES",
    "TRIGGERS_WITH_SAMPLES",
    "Changes",
    "Chapter",
    "Someone",
    "changes_from",
    "fresh_uid",
    "sample",
    "story",
]
