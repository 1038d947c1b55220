"""What happens to a training after given steps."""

import math
import os
import signal

import torch

from latentscape.training.hook import Hook


class At(Hook):
    """Does something after given steps, counted from the start whatever was rolled back."""

    def __init__(self, steps, act):
        self.steps, self.act, self.step = set(steps), act, 0

    def on_step(self, training):
        self.step += 1
        if self.step in self.steps:
            self.act(training)


def press_ctrl_c(training):
    os.kill(os.getpid(), signal.SIGINT)


def spoil(training):
    with torch.no_grad():
        next(training.model.parameters()).fill_(math.nan)
