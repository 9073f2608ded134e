"""One week in a small town: three simulated legacy systems, the real bus, and what a citizen sees.

Everybody and everything in it is made up. The numbers are synthetic (month of birth + 80), so that
they can belong to nobody.
"""
