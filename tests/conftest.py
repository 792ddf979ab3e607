"""What every test takes for granted, however the run was started."""

from __future__ import annotations

import signal
import threading

# A shell starts what it runs in the background with Ctrl-C ignored, and so would be every process
# that a test starts.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
