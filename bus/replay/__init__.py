"""Replays a stage from its logs, and compares what comes of it with what the live stage wrote.

run.py          carries the inputs through the stage once more, partition by partition
order.py        the input records of a partition, in the order in which they were taken
cursor.py       reads a partition forward
report.py       what a replay says of itself when it has ended
differences.py  a whole replay beside the live topics
diff.py         one topic of both, partition by partition
compare.py      two runs' records of one partition: equal, or what differs
states.py       two runs' states
cluster.py      ends of topics, positions of a group, topics made and deleted
"""
