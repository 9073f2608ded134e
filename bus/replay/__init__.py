"""Replays a stage from its logs, and compares what comes of it with what the live stage wrote.

cursor.py    reads one partition forward
order.py     the input records of a partition, in the order in which they were taken
compare.py   two runs' records of one partition: equal, or what differs
"""
