"""Questions and readers, one file per dialect of command line. Pure: bytes in, facts out."""
