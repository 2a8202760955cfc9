"""Starts the real trainer, says its process number, and waits to be killed."""

import sys
import threading
import time

from sync.training_process import TrainingProcess

if __name__ == "__main__":
    training = TrainingProcess({})
    asked = {"limit_seconds": 600, "beat": lambda done, stage: None}
    threading.Thread(target=training.train, args=[1], kwargs=asked, daemon=True).start()
    while training.process_id is None:
        time.sleep(0.01)
    sys.stdout.write(f"{training.process_id}\n")
    sys.stdout.flush()
    time.sleep(600)
