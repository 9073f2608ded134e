"""Everyone's agreement: a proposal that was accepted is carried out by all agencies concerned, or by none.

``bundle.py`` is what is stored of a proposal, ``saga.py`` how it goes on by answers and by time, ``words.py``
what is said on the way, and ``desk.py`` what the rest of the router calls (docs/coordination.md, ADR 22).
"""
