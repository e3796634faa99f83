"""Remote folders (``s3://``, ``gs://``, …): a mirror of their run files on this machine.

:func:`sync` brings what is new through fsspec, an optional extra that is imported when a remote
folder is first opened; :class:`Keeper` does so in the background. Everything else reads the mirror
like any other folder.
"""

from core.remote.keeper import Keeper, Status
from core.remote.mirror import Mirror, sync

__all__ = ["Keeper", "Mirror", "Status", "sync"]
