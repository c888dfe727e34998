"""`make diagram`: the platform that a stack declares, as one SVG page.

`items.py` reads the plan, `places.py` says in which box a resource is, `picture.py` puts a page together, `sheet.py`
draws it. Nothing of it is drawn by hand, and no id is on it: two subscriptions get the same page.
"""
