"""The one error tree. Every message is one line: what is wrong, then what to do about it.

- GpulseError: anything GPUlse says to its user instead of a traceback
    - BadInput: the request cannot be met as it stands (command line: exit code 2)
        - NotFound: a path, run, job or tag that is not there
        - NotAllowed: a path outside the roots, a workload outside the allow-list
        - Unreadable: a file that is not what it claims to be, or is damaged beyond use
        - Unsatisfiable: more GPUs, cores or nodes than the engine can ever give
    - SubmitRejected: the engine (Slurm, Ray) refused a job, in its own words
    - EngineDown: the engine cannot be reached; what it runs is as last seen
    - JobFailed: a job ended without doing what was asked (command line: exit code 1)
"""


class GpulseError(Exception):
    """Base of all errors meant for the user; ``str()`` is a single line."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class BadInput(GpulseError):
    """The request cannot be met as it stands."""


class NotFound(BadInput):
    """A path, run, job or tag that is not there."""


class NotAllowed(BadInput):
    """Outside the allowed roots or the workload allow-list."""


class Unreadable(BadInput):
    """Not the kind of file it claims to be, or damaged beyond use."""


class Unsatisfiable(BadInput):
    """More than the engine can ever give."""


class SubmitRejected(GpulseError):
    """The engine refused a job, in its own words."""


class EngineDown(GpulseError):
    """The engine cannot be reached; states stay as last seen."""


class JobFailed(GpulseError):
    """A job ended without doing what was asked."""
