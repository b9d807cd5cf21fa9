"""Help that is told to its end: left to itself click cuts the line of a command where the window ends."""

import click

SENTENCE = 1000
"""Characters: no line of help is as long, so that the first sentence is told whole and goes on in the next line."""


class Noun(click.Group):
    """A group that tells each of its commands in a whole sentence, however wide the window is."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(SENTENCE)) for name, one in commands if one is not None])
