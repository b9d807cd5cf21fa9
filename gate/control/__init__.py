"""Change control: every use case, in the order of the use case. The faces know nothing below this room."""
