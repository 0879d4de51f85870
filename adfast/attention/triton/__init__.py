"""Attention for CUDA devices: Triton kernels for long contexts and small heads.

Imported by `adfast.attention.dispatch` alone, which checks the arguments.
"""
