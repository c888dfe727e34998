"""The rules, one file a subject. Every `Rule` that a module defines at its top is in the catalogue."""
