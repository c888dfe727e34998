"""What Azure asks of a program: checks over everything that a stack declares, by the published models and by facts.

A check takes a `Declared` and yields a sentence for each thing that is wrong; `checks.CHECKS` has all of them by name.
What follows from the table of resource types names no service, so that most new services need no line here.
"""
