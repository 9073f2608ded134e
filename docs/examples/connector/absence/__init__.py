"""Reports of absence from a school's absence system: one JSON file each, dropped into a folder."""
