"""`volcast models`: which model leads, its promotion and rollback. It needs no library of the extra.

Read command.py first. objects.py says what each subcommand found, as JSON has it, and text.py prints the same for people.
"""
