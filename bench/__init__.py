"""Measures what Samband promises about speed and memory: `make bench`. Not part of the distribution.

A benchmark answers with figures, and checks that the work that it timed gave the right answer. A goal that is
missed is a figure like any other; a wrong answer is an error.
"""
