"""Run a program as nobody's child: ``python -I -S detach.py PROGRAM ARGUMENT...``

The caller waits some 20 ms for this process; the program goes on in a session of its own, so
that neither the end of the caller nor a kill of the caller's process tree reaches it.
"""

import os
import sys

if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    os.setsid()
    os.execv(sys.argv[1], sys.argv[1:])
