"""The HTTP side of the org: login, REST, writes, faults."""
