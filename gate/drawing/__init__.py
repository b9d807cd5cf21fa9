"""Pictures as geometry: what a page of the gate and a page of an evidence pack draw alike. Pure."""
