"""Taking a run elsewhere: exported files, and a folder for a model hub."""
