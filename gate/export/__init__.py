"""What leaves the house: the exact log, the pack of one change, and the program that checks both."""
