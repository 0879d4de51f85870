"""Simulators: the environments of a family, stepped in batches by compiled loops."""

from adfast.simulators.batch_simulator import BatchSimulator, StepResult

__all__ = ["BatchSimulator", "StepResult"]
