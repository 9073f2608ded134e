"""The contract: Avro records, the topic catalogue, the codec, and the rules that keep them readable."""
