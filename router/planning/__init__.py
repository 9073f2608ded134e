"""Better times for a citizen's appointments, out of the slots that agencies offer. Pure, and exact."""
