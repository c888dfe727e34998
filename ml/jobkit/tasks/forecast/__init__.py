"""The next hours of an hourly series, with intervals, from its last weeks."""
