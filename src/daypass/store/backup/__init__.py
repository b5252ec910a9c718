"""Backups: a whole installation in one sealed file, and the way back from it. What a restore must not revive is in aftermath.py."""

from daypass.store.backup.aftermath import Given
from daypass.store.backup.frames import Manifest
from daypass.store.backup.noting import note
from daypass.store.backup.placing import Target
from daypass.store.backup.restoring import Restored, prove, restore
from daypass.store.backup.taking import Source, Taken, take

__all__ = ["Given", "Manifest", "Restored", "Source", "Taken", "Target", "note", "prove", "restore", "take"]
