"""What everything stands on: errors, records, files, units, seeds, the machine."""
