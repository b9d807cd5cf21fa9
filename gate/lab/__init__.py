"""The embedded lab: simulated arrays and hosts behind real SSH and real iSCSI. It shares no parser with the product."""
