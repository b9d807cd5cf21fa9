"""The command line `sangate`: a client of the serving process. It decides nothing and fills no seat by itself."""
