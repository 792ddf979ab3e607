"""What a server of processes loads once, so that each process starts with it."""

from models.formats import onnx, tflite
from solver.fitting import task

__all__ = ["onnx", "task", "tflite"]
