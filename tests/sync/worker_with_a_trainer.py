"""Lets the real trainer begin, and waits to be killed."""

from sync.trainer.process import TrainingProcess

if __name__ == "__main__":
    TrainingProcess({}).train(1, limit_seconds=600, beat=lambda done, stage: None)
