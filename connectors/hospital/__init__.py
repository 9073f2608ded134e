"""The hospital connector: HL7 v2 ADT and SIU messages over MLLP become facts on the bus."""
