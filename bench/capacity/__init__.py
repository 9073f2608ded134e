"""How many partitions, processes, disks and brokers carry a municipality, a country, a continent."""
