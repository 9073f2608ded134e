"""The same work in Samband's engine, Kafka Streams, Quix Streams, Faust and by hand, side by side.

work.py           the records, and the right answer by plain Python
job.py            what a program under measurement is told
stage.py, ours.py the work in Samband's engine
by_hand.py        the work on aiokafka, written for it alone
kafka_streams/    the work in Kafka Streams
quix.py, faust_.py  the work in Quix Streams and in Faust, run in environments of their own
programs.py       what has to be built or installed, and how each program is started
kafka.py          topics, how far a group is, and what came out
measure.py        runs a program and keeps its time, processor time and memory
throughput.py     rounds of all systems over a preloaded topic
latency.py        the same programs at an offered rate
compare.py        all of it as one benchmark, with the goals
growth.py         the engine with ten and a hundred times the citizens
"""
